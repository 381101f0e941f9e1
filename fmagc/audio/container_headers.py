"""Find the audio of a WAV, AIFF, AU, CAF or W64 file, and check the size that its header declares.

Layout of chunks: RIFF (Microsoft and IBM, 1991), RF64 (EBU Tech 3306), AIFF 1.3 (Apple, 1989), AU (Sun), CAF (Apple),
W64 (Sony). A declared size can be wrong: programs that write to a pipe or crash leave a placeholder, some include the
header in the size, and 32 bits are too few for 4 GiB.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fmagc.audio.file_bytes import Bytes, blocks_of

__all__ = ["AudioBytes", "audio_bytes"]

_AUDIO_CHUNKS = (b"data", b"SSND")
_MPEG_LAYER_3 = b"\x55\0"  # of a WAV's fmt chunk
# The codecs that libsndfile decodes, by the chunk that names them and the place of the name in it: tags of WAV and W64
# (the last one says that the codec is named by a GUID), and names of CAF and of AIFF-C.
_CODECS = {
    b"fmt ": (0, {bytes((tag, 0)) for tag in (1, 2, 3, 6, 7, 0x11, 0x31, 0x38, 0x40)} | {_MPEG_LAYER_3, b"\xfe\xff"}),
    b"desc": (8, {b"lpcm", b"alac", b"ulaw", b"alaw"}),
    b"COMM": (
        18,
        {b"NONE", b"twos", b"sowt", b"fl32", b"FL32", b"fl64", b"FL64", b"in24", b"in32", b"42n1", b"23ni", b"raw "}
        | {b"ulaw", b"ULAW", b"alaw", b"ALAW", b"ima4", b"GSM ", b"DWVW"},
    ),
}
_LARGEST = 0xFFFFFFFF  # size in 32 bits; in RF64 it means that the chunk ds64 holds the true size
_NEAR = 1 << 24  # bytes: a placeholder differs from 2 or 4 GiB by this much at most
_MOST_COUNTED_IN = 512  # bytes of a header that a program may have counted as audio
_MOST_JUNK = 4096  # bytes behind the audio that are no audio, whatever they are


@dataclass(frozen=True, slots=True)
class _Field:
    """A number in a header."""

    at: int
    n_bytes: int
    big_endian: bool

    def read(self, data: Bytes) -> int:
        return int.from_bytes(data[self.at : self.at + self.n_bytes], "big" if self.big_endian else "little")


@dataclass(frozen=True, slots=True)
class _Layout:
    """The layout of the chunks of a format."""

    first: int  # byte of the first chunk
    name_bytes: int
    size_bytes: int
    big_endian: bool
    size_counts: int = 0  # bytes of the chunk's own header that its size counts
    align: int = 2


_LAYOUTS = {
    b"RIFF": _Layout(12, 4, 4, big_endian=False),
    b"RF64": _Layout(12, 4, 4, big_endian=False),
    b"RIFX": _Layout(12, 4, 4, big_endian=True),
    b"FORM": _Layout(12, 4, 4, big_endian=True),
    b"caff": _Layout(8, 4, 8, big_endian=True, align=1),
    b"riff": _Layout(40, 16, 8, big_endian=False, size_counts=24, align=8),  # W64
}


@dataclass(frozen=True, slots=True)
class _Chunk:
    name: bytes  # the first four bytes of it
    start: int  # of the body
    size: int  # of the body, as declared
    field: _Field


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioBytes:
    """The audio of a file whose header declares its size.

    Attributes
    ----------
    start, end : int
        The bytes that are audio.
    header : bytes
        What comes before them, with their true size.
    corrected : bool
        Whether the file declares another size, or none.
    padded : bool
        Whether bytes that are neither a chunk nor audio lie behind them.
    missing : str or None
        For the ledger's detail; None when nothing is missing.
    mpeg : bool
        Whether they are the frames of an MP3.
    known : bool
        Whether libsndfile decodes their codec.
    """

    start: int
    end: int
    header: bytes
    corrected: bool
    padded: bool
    missing: str | None
    mpeg: bool = False
    known: bool = True


def audio_bytes(data: Bytes, start: int, end: int) -> AudioBytes | None:
    """Find the audio, and compare the size that is declared with what is there.

    Parameters
    ----------
    data : Bytes
    start, end : int
        The container; tags may lie around it.

    Returns
    -------
    AudioBytes or None
        None when it is no such container, or holds no audio.
    """
    name = data[start : start + 4]
    mpeg, known, size_in_64_bits = False, True, None
    for chunk in _au(data, start) if name == b".snd" else _chunks(data, start, end):
        if chunk.name in _CODECS:
            at, codecs = _CODECS[chunk.name]
            codec = data[chunk.start + at : chunk.start + min(at + len(next(iter(codecs))), chunk.size)]
            codec = codec[::-1] if name == b"RIFX" else codec
            mpeg, known = codec == _MPEG_LAYER_3, codec in codecs or codec == b""  # AIFF names none
        if chunk.name == b"ds64":
            size_in_64_bits = _Field(chunk.start + 8, 8, big_endian=False)
        if chunk.name in _AUDIO_CHUNKS and chunk.start <= end:
            if size_in_64_bits is not None and chunk.size == _LARGEST:
                chunk = _Chunk(chunk.name, chunk.start, size_in_64_bits.read(data), size_in_64_bits)
            return replace(_compared(data, chunk, start, end, _LAYOUTS.get(name)), mpeg=mpeg, known=known)
    return None


def _au(data: Bytes, start: int) -> Iterator[_Chunk]:
    """Treat the header of an AU file as that of one chunk."""
    field = _Field(start + 8, 4, big_endian=True)
    yield _Chunk(b"data", start + _Field(start + 4, 4, big_endian=True).read(data), field.read(data), field)


def _chunks(data: Bytes, start: int, end: int) -> Iterator[_Chunk]:
    """Walk the chunks of a file from its first one on."""
    layout = _LAYOUTS.get(data[start : start + 4])
    if layout is not None:
        yield from _chunks_from(data, start + layout.first, end, layout)


def _chunks_from(data: Bytes, position: int, end: int, layout: _Layout) -> Iterator[_Chunk]:
    while position + layout.name_bytes + layout.size_bytes <= end:
        field = _Field(position + layout.name_bytes, layout.size_bytes, layout.big_endian)
        body = position + layout.name_bytes + layout.size_bytes
        size = max(0, field.read(data) - layout.size_counts)
        yield _Chunk(data[position : position + 4], body, size, field)
        position = body + -(-size // layout.align) * layout.align


def _compared(data: Bytes, chunk: _Chunk, first: int, end: int, layout: _Layout | None) -> AudioBytes:
    """Decide where the audio ends."""
    held = end - chunk.start
    true_end, padded, missing = chunk.start + chunk.size, False, None
    if held < chunk.size:
        true_end = end
        if not _is_placeholder(chunk.size) and chunk.size - held > min(chunk.start - first, _MOST_COUNTED_IN):
            missing = f"its header declares {chunk.size} bytes of audio, the file holds {held}"
    elif not _is_chunks(data, true_end, end, layout):
        is_size = chunk.size > 0 and not _is_placeholder(chunk.size)
        padded = is_size and (end - true_end <= _MOST_JUNK or _is_zero(data, true_end, end))
        true_end = true_end if padded else end
    corrected = true_end != chunk.start + chunk.size
    size = true_end - chunk.start
    header = data[first : chunk.start]
    return AudioBytes(
        start=chunk.start,
        end=true_end,
        header=_with_size(header, chunk.field, first, size, layout) if corrected else header,
        corrected=corrected,
        padded=padded,
        missing=missing,
    )


def _is_placeholder(size: int) -> bool:
    """Check whether a size is a placeholder, which a program writes when it does not know the true size."""
    return any(abs(size - (1 << bits)) <= _NEAR for bits in (31, 32, 63, 64))


def _is_zero(data: Bytes, start: int, end: int) -> bool:
    """Check whether a byte range holds only zeros."""
    return all(block.count(0) == len(block) for block in blocks_of(data, start, end))


def _is_chunks(data: Bytes, start: int, end: int, layout: _Layout | None) -> bool:
    """Check whether a byte range holds only chunks, or is empty."""
    if layout is None or start >= end:
        return start >= end
    position = start + -start % 2 if layout.align == 2 else start
    last = start
    for chunk in _chunks_from(data, position, end, layout):
        if not all(0x20 <= byte < 0x7F for byte in chunk.name) or chunk.start + chunk.size > end:
            return False
        last = chunk.start + chunk.size
    return end - last < layout.name_bytes + layout.size_bytes


def _with_size(header: bytes, field: _Field, first: int, size: int, layout: _Layout | None) -> bytes:
    """Write the true size into a header; a RIFF file of more than 4 GiB needs the header of RF64."""
    size += layout.size_counts if layout else 0
    if size > _LARGEST and field.n_bytes == 4:
        if header[:4] == b"RIFF":
            sizes = b"ds64" + (28).to_bytes(4, "little") + bytes(8) + size.to_bytes(8, "little") + bytes(12)
            unknown = _LARGEST.to_bytes(4, "little")
            return b"RF64" + unknown + b"WAVE" + sizes + header[12:-4] + unknown
        size = _LARGEST
    at = field.at - first
    number = size.to_bytes(field.n_bytes, "big" if field.big_endian else "little")
    return header[:at] + number + header[at + field.n_bytes :]
