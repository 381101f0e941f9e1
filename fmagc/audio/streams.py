"""Find the audio streams of a file, and give each to a decoder alone, with its true length.

Headers can be wrong, and decoders trust them: libsndfile stops where a header says, guesses where it says nothing, and
reads only the first of several streams. It therefore reads views of the file, whose headers state the true lengths.
"""

import io
import re
from dataclasses import dataclass, field

from fmagc.audio import mpeg_frames
from fmagc.audio.container_headers import audio_bytes
from fmagc.audio.file_bytes import Bytes, find_all, view_of
from fmagc.audio.ogg_pages import CAPTURE, OPUS, first_packet, ogg_streams, opus_at_full_rate, with_end_mark
from fmagc.audio.tags import end_of_leading_tags, only_tags, start_of_trailing_tags
from fmagc.errors import Reason, RejectedTrack

__all__ = ["Contents", "Stream", "contents_of", "not_mp3", "summary"]

_CONTAINER = re.compile(
    rb"(?:RIFF|RF64|RIFX)....WAVE|FORM....(?:AIFF|AIFC)|\.snd\0\0..|caff\0|riff\x2e\x91\xcf\x11|OggS\0|"
    rb"fLaC[\0\x80]\0\0\x22",
    re.DOTALL,
)
_MAGIC = 16  # bytes, at most
# Formats that libsndfile does not read, or reads wrongly: of VOC it takes several blocks for one, of 8SVX two channels
# for one after the other. A container among them may hold a stream that it does read, but not in one contiguous part;
# AAC in ADTS frames resembles the frames of an MP3.
_OTHER = re.compile(
    rb"\x1aE\xdf\xa3|....ftyp|0&\xb2u\x8ef\xcf\x11|wvpk|MAC |TTA[12]|MPCK|MP\+|\x0bw|\xff[\xf0\xf1\xf8\xf9]|"
    rb"RIFF....AVI |FLV\x01|\.RMF|Creative Voice F|FORM....(?:8SVX|16SV)",
    re.DOTALL,
)
_MOST_BEFORE = 1 << 16  # bytes that are searched for the beginning of a container
_LAYER = 3  # of MPEG audio
_FREE_FORMAT = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\0-\x0b]")
_MOST_MPEG = 768 << 20  # bytes of an MP3, whose frames are counted in memory

_OGG_CODECS = (b"\x01vorbis", OPUS)  # in which libsndfile decodes Ogg
_FLAC = b"fLaC"
_FLAC_HEADER = 26  # bytes; the last 36 bits of them are the number of samples


@dataclass(frozen=True, slots=True)
class Stream:
    """A byte range of a file that a decoder can read by itself.

    Attributes
    ----------
    file : file object
        A view, from its beginning to its end.
    n_samples : int or None
        Per channel, as its frames or its own header say; None: as the decoder says.
    n_leading : int
        Samples at its beginning that are not of the file.
    """

    file: io.BufferedIOBase | io.RawIOBase
    n_samples: int | None = None
    n_leading: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """The audio of a file.

    Attributes
    ----------
    streams : list of Stream
        In their order.
    mpeg : MpegAudio or None
        What the frame headers say if it is an MP3, wrapped or not; else None.
    missing : str or None
        What the container lacks, for the ledger's detail; None when nothing is missing, or its header declares nothing.
    known : bool
        Whether libsndfile decodes the format, and the codec in it, as far as its headers say.
    flags : dict of str to bool
        ``padded``, ``length_corrected``, ``no_end_mark``, ``chained``, ``resynced``: see `decode.FLAGS`.
    """

    streams: list[Stream]
    mpeg: mpeg_frames.MpegAudio | None = None
    missing: str | None = None
    known: bool = True
    flags: dict[str, bool] = field(default_factory=dict)


_UNKNOWN = Contents(streams=[], known=False)


def contents_of(data: Bytes, *, named_mp3: bool) -> Contents:
    """Find the audio of a file, and decide whether it is an MP3; no other function decides that.

    Parameters
    ----------
    data : Bytes
        The whole file.
    named_mp3 : bool
        Whether the file's name says that it is an MP3: then nothing else is accepted.

    Raises
    ------
    RejectedTrack
        When a file named .mp3 is not an MP3, or an MP3 has no audio or is too large.
    """
    start = end_of_leading_tags(data)
    magic = data[start : start + _MAGIC]
    is_other = _OTHER.match(magic) is not None
    if named_mp3:
        if is_other or _CONTAINER.match(magic):
            raise not_mp3(data)
        frames = _in_memory(data)
        return _mp3(frames, mpeg_frames.scan(frames))
    if is_other:
        return _UNKNOWN
    found = _CONTAINER.search(data[start : start + _MOST_BEFORE])
    if found is None:
        return _without_container(_in_memory(data))
    find = {CAPTURE: _ogg, _FLAC: _flac}.get(found[0][:4], _chunked)
    return find(data, start + found.start(), start_of_trailing_tags(data), padded=found.start() > 0)


def not_mp3(data: Bytes) -> RejectedTrack:
    """Reject a file for its content, or for MP3 frames that state no length, which cannot be counted."""
    start = end_of_leading_tags(data)
    if _FREE_FORMAT.match(data[start : start + 4]):
        said = "an MP3 of free format, whose frames do not state their length: encode it again at a usual bit rate"
        return RejectedTrack(Reason.DECODE_ERROR, f"{summary(data)}: {said}")
    return RejectedTrack(Reason.NOT_MP3, summary(data))


def summary(data: Bytes) -> str:
    """Describe a file by its size and first bytes, which identify it when it is not an MP3."""
    return f"{len(data)} bytes, " + (f"begins with {data[:8].hex(' ')}" if len(data) > 0 else "empty")


def _in_memory(data: Bytes) -> bytes:
    """Read all of a file whose frames are to be counted."""
    if len(data) > _MOST_MPEG:
        raise RejectedTrack(
            Reason.TOO_LARGE, f"{summary(data)}; expected at most {_MOST_MPEG} bytes of an MP3: cut it into parts"
        )
    return data[:]


def _without_container(data: bytes) -> Contents:
    """Treat a file as an MP3 when most of it is MPEG frames, else leave its format to libsndfile."""
    audio = mpeg_frames.scan(data)
    if audio is not None and 2 * (audio.end - audio.start - audio.skipped_bytes) > len(data):
        return _mp3(data, audio) if audio.layer == _LAYER else _UNKNOWN
    return Contents(streams=[Stream(view_of(data, 0, len(data)))])


def _mp3(data: bytes, audio: mpeg_frames.MpegAudio | None) -> Contents:
    """Give the frames of an MP3, which a scan found, the length that they have together."""
    if audio is not None and audio.layer != _LAYER:
        raise RejectedTrack(Reason.NOT_MP3, f"MPEG audio layer {audio.layer}, expected {_LAYER}")
    if audio is None or audio.frames == 0:
        if audio is not None or only_tags(data):
            raise RejectedTrack(Reason.NO_AUDIO, f"{len(data)} bytes, not one audio frame")
        raise not_mp3(data)
    before, behind = end_of_leading_tags(data), start_of_trailing_tags(data)
    padded = audio.start > before or audio.end < behind
    true_length = audio.declared_frames == audio.frames
    if true_length:  # without tags, since libsndfile refuses some of them
        stream = Stream(view_of(data, audio.start, audio.end))
    else:
        header, start, n_leading = mpeg_frames.with_true_length(data, audio)
        n_samples = audio.samples if n_leading > 0 else None
        stream = Stream(view_of(data, start, audio.end, header=header), n_samples, n_leading)
    flags = {
        "padded": padded,
        "length_corrected": audio.declared_frames is not None and not true_length,
        "resynced": audio.skipped_bytes > 0,
    }
    return Contents(streams=[stream], mpeg=audio, flags=flags)


def _chunked(data: Bytes, start: int, end: int, *, padded: bool) -> Contents:
    """Find the audio between the chunks of a WAV, AIFF, AU, CAF or W64 file."""
    audio = audio_bytes(data, start, end)
    if audio is None:
        return Contents(streams=[Stream(view_of(data, start, len(data)))], flags={"padded": padded})
    flags = {"padded": padded or audio.padded, "length_corrected": audio.corrected}
    if not audio.known:
        return Contents(streams=[], missing=audio.missing, known=False, flags=flags)
    if audio.mpeg:
        frames = _in_memory(data[audio.start : audio.end])
        wrapped = _mp3(frames, mpeg_frames.scan(frames))
        flags = {name: flags.get(name, False) or holds for name, holds in wrapped.flags.items()}
        return Contents(streams=wrapped.streams, mpeg=wrapped.mpeg, missing=audio.missing, flags=flags)
    if audio.corrected or audio.padded:
        view = view_of(data, audio.start, audio.end, header=audio.header)
    else:
        view = view_of(data, start, len(data))
    return Contents(streams=[Stream(view)], missing=audio.missing, flags=flags)


def _ogg(data: Bytes, start: int, end: int, *, padded: bool) -> Contents:
    """Find the streams of an Ogg file."""
    found, missing = ogg_streams(data, start, end)
    streams = []
    for part in found:
        page = b"" if part.ended or missing else data[part.last_page : part.end]
        first = opus_at_full_rate(data, part.start)
        begin = part.start + len(first)
        view = view_of(
            data, begin, max(begin, part.end - len(page)), header=first, footer=with_end_mark(page) if page else b""
        )
        streams.append(Stream(view))
    flags = {
        "padded": padded or found[-1].end < end,
        "no_end_mark": not all(part.ended for part in found),
        "chained": len(found) > 1,
    }
    return Contents(
        streams=streams, missing=missing, known=first_packet(data, start).startswith(_OGG_CODECS), flags=flags
    )


def _flac(data: Bytes, start: int, end: int, *, padded: bool) -> Contents:
    """Find the FLAC streams that follow each other; a header without a length makes the decoder go to the end."""
    starts = [place for place in find_all(data, _FLAC, start, end) if _CONTAINER.match(data[place : place + 8])]
    streams = []
    for first, last in zip(starts, [*starts[1:], end], strict=True):
        header = data[first : first + _FLAC_HEADER]
        n_samples = int.from_bytes(header[21:], "big") & ~(-1 << 36)
        unknown = header[:21] + bytes((header[21] & 0xF0,)) + bytes(4)
        streams.append(Stream(view_of(data, first + _FLAC_HEADER, last, header=unknown), n_samples))
    return Contents(streams=streams, flags={"padded": padded, "chained": len(streams) > 1})
