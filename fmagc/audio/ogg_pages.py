"""The streams of an Ogg file, found page by page; a decoder stops at the end of the first one.

Layout of pages and chaining of streams: RFC 3533, sections 4 and 6, with the checksum.
"""

from dataclasses import dataclass
from functools import cache

from fmagc.audio.file_bytes import Bytes, find_all

__all__ = ["CAPTURE", "OPUS", "OggStream", "first_packet", "ogg_streams", "opus_at_full_rate", "with_end_mark"]

CAPTURE = b"OggS"
OPUS = b"OpusHead"
_OPUS_RATE = 48_000  # Hz

_HEADER = 27  # bytes before the table of segments
_FIRST, _LAST = 2, 4  # bits of the byte of flags
_RESYNC = 1 << 16  # a page is shorter
_POLYNOMIAL = 0x04C11DB7


@dataclass(frozen=True, slots=True)
class OggStream:
    """One of the chained streams of a file.

    Attributes
    ----------
    start, last_page, end : int
        The bytes where it begins, where its last page begins, and where that one ends.
    ended : bool
        Whether it has its end mark.
    """

    start: int
    last_page: int
    end: int
    ended: bool


def first_packet(data: Bytes, start: int) -> bytes:
    """Read the packet that begins a stream, which names its codec."""
    head = data[start : start + _HEADER + 1]
    table_bytes, size = head[26:27], head[27:28]
    body = start + _HEADER + sum(table_bytes)
    return data[body : body + sum(size)]


def ogg_streams(data: Bytes, start: int, end: int) -> tuple[list[OggStream], str | None]:
    """Walk the pages of an Ogg file.

    Parameters
    ----------
    data : Bytes
    start, end : int
        The first page, and the end of what may be pages.

    Returns
    -------
    streams : list of OggStream
        In their order.
    missing : str or None
        What the file lacks, for the ledger's detail; None when its last page and packet are whole.
    """
    streams: list[OggStream] = []
    first = last_page = behind = position = start
    beginning, ended, in_packet, cut = True, False, False, False
    while position < end:
        head = data[position : min(end, position + _HEADER + 255)]
        if head[:4] != CAPTURE:
            found = find_all(data, CAPTURE, position, min(end, position + _RESYNC))
            if not found:
                break
            position = found[0]
            continue
        table = head[_HEADER : _HEADER + head[26]] if len(head) > _HEADER else b""
        size = _HEADER + len(table) + sum(table)
        cut = len(head) < _HEADER or len(table) < head[26] or position + size > end
        if cut:
            break
        if head[5] & _FIRST and not beginning:
            streams.append(OggStream(first, last_page, behind, ended))
            first, ended = position, False
        beginning = bool(head[5] & _FIRST)
        ended |= bool(head[5] & _LAST)
        in_packet = table[-1:] == b"\xff"
        last_page, position = position, position + size
        behind = position
    streams.append(OggStream(first, last_page, behind, ended))
    missing = "its last page is cut" if cut else "its last packet is cut" if in_packet and not ended else None
    return streams, missing


def with_end_mark(page: bytes) -> bytes:
    """Mark a page as the last one of its stream, without which libsndfile does not decode all of the last packets."""
    return _with_checksum(page[:5] + bytes((page[5] | _LAST,)) + page[6:])


def opus_at_full_rate(data: Bytes, start: int) -> bytes:
    """Return the first page of a stream, where it is Opus with the sample rate at which it decodes; else nothing.

    The rate that the page states is that of what was encoded (RFC 7845, section 5.1). libsndfile decodes at that rate,
    which shifts the samples by a fraction of a millisecond.
    """
    packet = first_packet(data, start)
    if not packet.startswith(OPUS):
        return b""
    page = data[start : _end_of_page(data, start)]
    at = page.index(OPUS) + 12
    return _with_checksum(page[:at] + _OPUS_RATE.to_bytes(4, "little") + page[at + 4 :])


def _end_of_page(data: Bytes, start: int) -> int:
    """Return where a page ends."""
    table = data[start + _HEADER : start + _HEADER + data[start + 26 : start + 27][0]]
    return start + _HEADER + len(table) + sum(table)


def _with_checksum(page: bytes) -> bytes:
    blank = page[:22] + bytes(4) + page[26:]
    return blank[:22] + _checksum(blank).to_bytes(4, "little") + blank[26:]


def _checksum(page: bytes) -> int:
    """Compute the checksum of a page whose own is 0."""
    table, remainder = _remainders(), 0
    for byte in page:
        remainder = remainder << 8 & 0xFFFFFFFF ^ table[remainder >> 24 ^ byte]
    return remainder


@cache
def _remainders() -> list[int]:
    remainders = []
    for value in range(256):
        remainder = value << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ _POLYNOMIAL * (remainder >> 31)) & 0xFFFFFFFF
        remainders.append(remainder)
    return remainders
