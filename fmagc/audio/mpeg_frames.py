"""MPEG audio frames of an MP3 file, counted one by one from header to header.

Decoders repair, skip and guess without a warning. The frame headers show independently how much audio a file holds.
Layout of headers: ISO/IEC 11172-3 section 2.4.2.3 and 13818-3; the Xing, Info and VBRI headers are conventions of
encoders, first frames that hold no audio.
"""

import re
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from fmagc.audio.side_information import blocks_differ
from fmagc.audio.tags import end_of_leading_tags, start_of_trailing_tags

__all__ = ["MpegAudio", "scan", "with_true_length"]

_BITRATES = {  # kbit/s by bitrate index 1..14; keyed by (MPEG 1?, layer)
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # Hz, by version bits
_LAYERS = {3: 1, 2: 2, 1: 3}  # by layer bits

# A header is 0xff and three bytes. The first two of those fix the frame's length; free format (bitrate index 0) has no
# length of its own and is taken for no frame.
_CANDIDATE = re.compile(rb"\xff(?=[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef])")
_SAME_STREAM = 0xFE0C  # of those two bytes: sync, version, layer and sample rate, which a stream keeps throughout

_MONO = 0xC0  # the last byte of a header, at least
_LOWEST_BITRATE = 0x10
_XING = (b"Xing", b"Info")


@dataclass(frozen=True, slots=True)
class _Header:
    length: int  # bytes to the next header
    mpeg1: bool
    layer: int
    samples: int
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MpegAudio:
    """Totals over the frame headers of a file.

    Attributes
    ----------
    layer : int
        3 for MP3.
    sample_rate : int, Hz
        Of the first frame.
    channels : int
        Of the first frame.
    frames : int
        Whole audio frames; a last frame that the end of the file cuts does not count, nor does the header frame.
    samples : int, samples per channel
        What these frames decode to, encoder and decoder delays included.
    samples_per_frame : int
        Of the first frame.
    header_frame : bool
        Whether a Xing, Info or VBRI frame comes first.
    declared_frames : int or None
        How many audio frames that header promises.
    skipped_bytes : int, bytes
        Bytes after the first frame and before the last one that belong to no frame.
    start, end : int, bytes
        Where the first frame begins, the header frame included, and the last one ends, whole or cut.
    mixed : bool
        Whether there are frames of more than one sample rate, version, layer or number of channels.
    blocks_differ : callable
        Checks whether the two channels of some frame have different blocks (`side_information.blocks_differ`). One
        decoder alone needs to know that. For layer 3 in two channels that is not `mixed`.
    """

    layer: int
    sample_rate: int
    channels: int
    frames: int
    samples: int
    samples_per_frame: int
    header_frame: bool
    declared_frames: int | None
    skipped_bytes: int
    start: int
    end: int
    mixed: bool
    blocks_differ: Callable[[], bool] = field(compare=False, repr=False)


def scan(data: bytes) -> MpegAudio | None:
    """Walk the MPEG audio frames of a file.

    A frame counts if it begins where the one before it ends. At the start, and after bytes that are no frame, it counts
    if the next header of the same stream follows one frame length later. Frames of a second stream (concatenated files)
    count too.

    Parameters
    ----------
    data : bytes
        The whole file.

    Returns
    -------
    MpegAudio or None
        None when there is no frame: tags only, free format, or no MPEG audio.
    """
    end = start_of_trailing_tags(data)
    start = position = _next_sync(data, end_of_leading_tags(data), end)
    if position is None or start is None:
        return None
    first_stream = stream = _two_bytes(data, position) & _SAME_STREAM
    samples = skipped = 0
    frames = array("q")
    mixed = False
    while position + 4 <= end:
        key = data[position + 1] << 8 | data[position + 2]
        header = _HEADERS.get(key)
        if header is None or data[position] != 0xFF or key & _SAME_STREAM != stream:
            found = _next_sync(data, position, end)
            if found is None:
                break
            skipped += found - position
            position = found
            stream = _two_bytes(data, position) & _SAME_STREAM
            mixed |= stream != first_stream
            continue
        if position + header.length > end:
            position = end
            break
        frames.append(position)
        position += header.length
        samples += header.samples
    first = _HEADERS[_two_bytes(data, start)]
    header_frame, declared = _header_frame(data[start : start + first.length], first)
    starts = np.array(frames)
    n_mono = int(np.count_nonzero(np.frombuffer(data, dtype=np.uint8)[starts + 3] >= _MONO))
    mixed = mixed or 0 < n_mono < len(frames)
    return MpegAudio(
        layer=first.layer,
        sample_rate=first.sample_rate,
        channels=_channels(data[start + 3]),
        frames=len(frames) - header_frame,
        samples=samples - header_frame * first.samples,
        samples_per_frame=first.samples,
        header_frame=header_frame,
        declared_frames=declared,
        skipped_bytes=skipped,
        start=start,
        end=min(position, end),
        mixed=mixed,
        blocks_differ=partial(blocks_differ, data, starts, mpeg1=first.mpeg1),
    )


def with_true_length(data: bytes, audio: MpegAudio) -> tuple[bytes, int, int]:
    """Write a header with the true length, which a decoder would otherwise guess from the first frame's bit rate.

    A Xing or Info header gets the true numbers of frames and bytes, and keeps the delay and padding that it states.
    Without one, a silent frame of the lowest bit rate is put before the first: the length that libsndfile then guesses
    is never too short, so it decodes to the end. (A Xing header made for such a file would lose the 529 samples of the
    decoder's delay, which neither mpg123 nor ffmpeg removes without such a header.)

    Parameters
    ----------
    data : bytes
        The whole file.
    audio : MpegAudio
        What `scan` says of it.

    Returns
    -------
    header : bytes
        To be put in place of the bytes before `start`.
    start : int, bytes
        The first byte of the file behind it.
    n_leading : int, samples
        That the header decodes to.
    """
    first = _HEADERS[_two_bytes(data, audio.start)]
    frame = data[audio.start : audio.start + first.length]
    behind = audio.start + first.length * audio.header_frame
    place = _xing_place(frame, first)
    if audio.header_frame and audio.declared_frames is not None and frame[place : place + 4] in _XING:
        true = audio.frames.to_bytes(4)
        if frame[place + 7] & 2:  # the bytes follow
            true += (audio.end - audio.start).to_bytes(4)
        return frame[: place + 8] + true + frame[place + 8 + len(true) :], behind, 0
    plain = (frame[1] | 1, _LOWEST_BITRATE | frame[2] & 0x0C)  # no checksum, no padding
    silent = bytes((0xFF, *plain, frame[3])).ljust(_HEADERS[plain[0] << 8 | plain[1]].length, b"\0")
    return silent, behind, first.samples


def _headers() -> dict[int, _Header]:
    """Tabulate every pair of header bytes that starts a frame of known length."""
    table = {}
    for key in range(0xE000, 0x10000):
        version, layer, bitrate, rate = key >> 11 & 3, _LAYERS.get(key >> 9 & 3), key >> 4 & 15, key >> 2 & 3
        if version == 1 or layer is None or bitrate in (0, 15) or rate == 3:
            continue
        mpeg1, padding = version == 3, key >> 1 & 1
        sample_rate = _SAMPLE_RATES[version][rate]
        bits_per_second = 1000 * _BITRATES[mpeg1, layer][bitrate - 1]
        samples = 384 if layer == 1 else 576 if layer == 3 and not mpeg1 else 1152
        if layer == 1:  # counted in slots of four bytes
            length = 4 * (12 * bits_per_second // sample_rate + padding)
        else:
            length = samples // 8 * bits_per_second // sample_rate + padding
        table[key] = _Header(length=length, mpeg1=mpeg1, layer=layer, samples=samples, sample_rate=sample_rate)
    return table


_HEADERS = _headers()


def _two_bytes(data: bytes, position: int) -> int:
    return data[position + 1] << 8 | data[position + 2]


def _next_sync(data: bytes, start: int, end: int) -> int | None:
    """Find the next header that another one of its stream follows, or that fills the file to its end exactly."""
    for match in _CANDIDATE.finditer(data, start, end):
        position = match.start()
        key = _two_bytes(data, position)
        header = _HEADERS.get(key)
        if header is None:
            continue
        after = position + header.length
        if after == end:
            return position
        if after + 4 <= end and data[after] == 0xFF:
            following = _two_bytes(data, after)
            if following in _HEADERS and (following ^ key) & _SAME_STREAM == 0:
                return position
    return None


def _channels(third_byte: int) -> int:
    return 1 if third_byte >= _MONO else 2


def _header_frame(frame: bytes, header: _Header) -> tuple[bool, int | None]:
    """Look for a Xing, Info or VBRI header in a frame and read the number of audio frames that it declares."""
    xing = _xing_place(frame, header)
    if frame[xing : xing + 4] in _XING:
        has_count = len(frame) >= xing + 12 and frame[xing + 7] & 1
        return True, int.from_bytes(frame[xing + 8 : xing + 12]) if has_count else None
    vbri = 4 + 32  # whatever the version and the channels
    if frame[vbri : vbri + 4] == b"VBRI":
        return True, int.from_bytes(frame[vbri + 14 : vbri + 18])
    return False, None


def _xing_place(frame: bytes, header: _Header) -> int:
    """Find where a Xing header stands in a frame: behind its side information, whether it has a checksum or not."""
    mono = _channels(frame[3]) == 1
    return 4 + ((17 if mono else 32) if header.mpeg1 else (9 if mono else 17))
