"""Truncation checks for WAV, AIFF, AU and Ogg files, whose decoders return a cut file without an error.

Layout of chunks: RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306), AIFF 1.3 (Apple, 1989); AU: Sun; Ogg pages:
RFC 3533, section 6. FLAC needs no such witness: its header tells the number of samples, and libsndfile believes it.
"""

from collections.abc import Iterator

__all__ = ["missing_end"]

_UNKNOWN = (0, 0xFFFFFFFF)  # sizes that a program writes when it cannot go back to fill in the true one
_AUDIO_CHUNKS = (b"data", b"SSND")
_LAST_PAGE = 4  # a bit of the third byte after the name of a page


def missing_end(data: bytes) -> str | None:
    """Compare a file's length with the length that its header declares.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    str or None
        For the ledger's detail; None when nothing is missing, or the file does not tell.
    """
    if data[:4] == b"OggS":
        page = data.rfind(b"OggS")
        ends = len(data) > page + 5 and data[page + 5] & _LAST_PAGE
        return None if ends else "its last page does not end the stream"
    start, declared = _audio_bytes(data)
    held = len(data) - start
    if declared in _UNKNOWN or held >= declared:
        return None
    return f"its header declares {declared} bytes of audio, the file holds {held}"


def _audio_bytes(data: bytes) -> tuple[int, int]:
    """Return where the audio begins and how many bytes a header promises."""
    if data[:4] == b".snd":
        return int.from_bytes(data[4:8], "big"), int.from_bytes(data[8:12], "big")
    if data[:4] in (b"RIFF", b"RIFX", b"RF64", b"FORM"):
        size_in_64_bits = 0
        for name, start, size in _chunks(data, big_endian=data[:4] in (b"RIFX", b"FORM")):
            if name == b"ds64":
                size_in_64_bits = int.from_bytes(data[start + 8 : start + 16], "little")
            if name in _AUDIO_CHUNKS:
                return start, size_in_64_bits or size
    return 0, 0


def _chunks(data: bytes, *, big_endian: bool) -> Iterator[tuple[bytes, int, int]]:
    """Walk the chunks of a RIFF or AIFF file: name, where the body starts, and its bytes."""
    position = 12  # after the container's name, size and kind
    while position + 8 <= len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "big" if big_endian else "little")
        yield data[position : position + 4], position + 8, size
        position += 8 + size + size % 2
