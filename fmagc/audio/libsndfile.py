"""Decode a file with libsndfile to mono float32 at its native rate, capturing the library's warnings."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import soundfile
from numpy.typing import NDArray

from fmagc.audio.open_stream import OpenStream, frames_buffer, read_excerpts, with_messages
from fmagc.audio.raw_audio import Excerpt, RawAudio
from fmagc.audio.streams import Stream, not_mp3, summary
from fmagc.audio.validate import Source
from fmagc.errors import Reason, RejectedTrack

__all__ = ["read_samples"]

_DECODER = f"soundfile {soundfile.__version__}/{soundfile.__libsndfile_version__}"
_MOST_FRAMES = 1 << 48  # samples; libsndfile reports more when a file declares no length
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_SEEKABLE = (
    "PCM_S8",
    "PCM_U8",
    "PCM_16",
    "PCM_24",
    "PCM_32",
    "FLOAT",
    "DOUBLE",
    "ULAW",
    "ALAW",
)  # fixed bytes a sample


class _Decoder(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """A decoder that goes on where it is: soundfile seeks after each read, which costs compressed formats a search."""

    def seekable(self) -> bool:
        return False


class _OpenStream(OpenStream):
    """A stream that libsndfile opened."""

    def __init__(self, file: soundfile.SoundFile, stream: Stream, source: Source) -> None:
        self._file, self._n_read = file, 0
        self.sample_rate, self.channels = file.samplerate, file.channels
        self.n_decoded_channels = file.channels
        declared = file.frames if stream.n_samples is None else stream.n_samples
        self.n_declared = declared if declared < _MOST_FRAMES else 0
        self.n_leading = stream.n_leading
        self.knows_truncation = source.contents.mpeg is None
        self.file = summary(source.data)

    def read(self, out: NDArray[np.float32]) -> tuple[NDArray[np.float32], str | None]:
        try:
            frames, error = self._file.read(out=out), None
        except soundfile.LibsndfileError as raised:  # what was decoded before it in the same call counts
            frames, error = out[: self._file.tell() - self._n_read], raised.error_string
        self._n_read += len(frames)
        return frames, error

    def decode(self, excerpts: list[Excerpt], *, keep: int, offset: int) -> tuple[int, bool]:
        if self._file.subtype in _SEEKABLE and self._file.format not in ("FLAC", "OGG"):
            return self._seek(excerpts, keep=keep, offset=offset), False
        return super().decode(excerpts, keep=keep, offset=offset)

    def _seek(self, excerpts: list[Excerpt], *, keep: int, offset: int) -> int:
        """Seek to the excerpts and read only them, in a stream whose samples lie at known offsets."""
        buffer, n_frames = frames_buffer(self.channels), int(self._file.frames)
        for excerpt in excerpts:
            position = max(0, excerpt.start - offset)
            end = min(n_frames, excerpt.start + keep - offset)
            if position < end:
                self._file.seek(position)
            while position < end:
                block = self._file.read(out=buffer[: end - position])
                if len(block) == 0:
                    return position
                excerpt.add(block)
                position += len(block)
        return n_frames


def read_samples(source: Source, *, max_seconds: float, whole: bool) -> RawAudio:
    """Decode a file and keep its middle, or excerpts that cover it.

    The C library writes to file descriptor 2, which is diverted while it runs, and memory is used again from file to
    file: call this from one thread of a process only.

    Parameters
    ----------
    source : Source
    max_seconds, whole : float, bool
        As for `read_excerpts`.

    Raises
    ------
    RejectedTrack
        When the decoder gives up, with what it said: `not_audio` where libsndfile does not know the format.
    """

    def read() -> RawAudio:
        try:
            return read_excerpts(lambda: _opened(source), max_seconds=max_seconds, whole=whole, decoder=_DECODER)
        except soundfile.SoundFileError as error:
            said = getattr(error, "error_string", str(error))
            unknown = source.contents.mpeg is None and getattr(error, "code", None) == _UNRECOGNISED
            reason = Reason.NOT_AUDIO if unknown else Reason.DECODE_ERROR
            raise RejectedTrack(reason, f"{said} ({summary(source.data)})") from error

    return with_messages(read)


@contextmanager
def _opened(source: Source) -> Iterator[list[OpenStream]]:
    """Open all streams of a file, and reject what libsndfile opens but cannot be trusted to decode."""
    with ExitStack() as stack:
        files = []
        for stream in source.contents.streams:
            stream.file.seek(0)
            files.append(stack.enter_context(_Decoder(stream.file)))
        if files[0].format == "MP3" and source.contents.mpeg is None:
            raise not_mp3(source.data)  # free format: there are no frames to be counted
        kinds = list(dict.fromkeys(f"{file.samplerate} Hz in {file.channels} channels" for file in files))
        if len(kinds) > 1:
            raise RejectedTrack(
                Reason.DECODE_ERROR,
                f"its streams differ: {kinds[0]}, then {kinds[1]}: encode it again, or cut it into parts",
            )
        yield [_OpenStream(file, stream, source) for file, stream in zip(files, source.contents.streams, strict=True)]
