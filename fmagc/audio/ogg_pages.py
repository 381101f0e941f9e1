"""The streams of an Ogg file, found page by page; a decoder stops at the end of the first one.

Layout of pages and chaining of streams: RFC 3533, sections 4 and 6.
"""

from dataclasses import dataclass

from fmagc.audio.file_bytes import Bytes, find_all

__all__ = ["CAPTURE", "OggStreams", "ogg_streams"]

CAPTURE = b"OggS"

_HEADER = 27  # bytes before the table of segments
_FIRST, _LAST = 2, 4  # bits of the byte of flags
_RESYNC = 1 << 16  # a page is shorter


@dataclass(frozen=True, slots=True, kw_only=True)
class OggStreams:
    """Where the chained streams of an Ogg file lie.

    Attributes
    ----------
    stretches : list of (int, int)
        Bytes of each stream.
    ended : bool
        Whether each has its end mark.
    missing : str or None
        What the file lacks, for the ledger's detail; None when its last page and packet are whole.
    """

    stretches: list[tuple[int, int]]
    ended: bool
    missing: str | None


def ogg_streams(data: Bytes, start: int, end: int) -> OggStreams:
    """Walk the pages of an Ogg file.

    Parameters
    ----------
    data : Bytes
    start, end : int
        The first page, and the end of what may be pages.
    """
    starts, ends = [start], []
    ended, all_ended, beginning, cut, open_packet = False, True, True, False, False
    position = start
    while position < end:
        head = data[position : min(end, position + _HEADER + 255)]
        if head[:4] != CAPTURE:
            found = find_all(data, CAPTURE, position, min(end, position + _RESYNC))
            if not found:
                break
            position = found[0]
            continue
        table = head[_HEADER : _HEADER + head[26]] if len(head) >= _HEADER else b""
        size = _HEADER + len(table) + sum(table)
        if len(head) < _HEADER or len(table) < head[26] or position + size > end:
            cut = True
            break
        if head[5] & _FIRST and not beginning:
            ends.append(position)
            starts.append(position)
            all_ended &= ended
            ended = False
        beginning = bool(head[5] & _FIRST)
        ended |= bool(head[5] & _LAST)
        open_packet = bool(table) and table[-1] == 255
        position += size
    missing = "its last page is cut" if cut else "its last packet is cut" if open_packet and not ended else None
    return OggStreams(
        stretches=list(zip(starts, [*ends, position], strict=True)), ended=all_ended and ended, missing=missing
    )
