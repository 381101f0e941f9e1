"""Decode a file with libsndfile to mono float32 at its native rate, capturing the library's warnings."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cache
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from fmagc.audio.raw_audio import Excerpt, RawAudio, collect, excerpt_starts, joined, text_of
from fmagc.audio.streams import Stream, not_mp3, summary
from fmagc.audio.validate import Source
from fmagc.errors import Reason, RejectedTrack

__all__ = ["read_samples"]

_DECODER = f"soundfile {soundfile.__version__}/{soundfile.__libsndfile_version__}"
_MOST_FRAMES = 1 << 48  # samples; libsndfile reports more when a file declares no length
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_BUFFER = 24 << 20  # bytes: a minute of stereo at 48 kHz, so that a usual clip is one read
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


def read_samples(source: Source, *, max_seconds: float, whole: bool) -> RawAudio:
    """Decode a file and keep its middle, or excerpts that cover it.

    The C library writes to file descriptor 2, which is diverted while it runs, and memory is used again from file to
    file: call this from one thread of a process only.

    Parameters
    ----------
    source : Source
    max_seconds : float, s
        Length of an excerpt at most; a longer file gives its middle, FMA's rule.
    whole : bool
        Keep several excerpts that cover a longer file; at most a sixtieth of an excerpt is left out (`excerpt_starts`).

    Raises
    ------
    RejectedTrack
        When the decoder gives up, with what it said: `not_audio` where libsndfile does not know the format.
    """
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_diverted_to(log):
                raw = _read(source, max_seconds=max_seconds, whole=whole)
        except soundfile.SoundFileError as error:
            said = getattr(error, "error_string", str(error))
            unknown = source.contents.mpeg is None and getattr(error, "code", None) == _UNRECOGNISED
            reason = Reason.NOT_AUDIO if unknown else Reason.DECODE_ERROR
            raise RejectedTrack(reason, joined(f"{said} ({summary(source.data)})", text_of(log))) from error
        except RejectedTrack as error:
            raise RejectedTrack(error.reason, joined(error.detail, text_of(log))) from error
        return replace(raw, warnings=text_of(log))


def _read(source: Source, *, max_seconds: float, whole: bool) -> RawAudio:
    """Decode all streams, once more where they are not as long as they say, and where the mean of channels cancels."""
    contents = source.contents
    n_samples: list[int] = []
    channels: dict[int, int] = {}
    while True:
        with ExitStack() as opened:
            files = [opened.enter_context(_open(stream)) for stream in contents.streams]
            _check(files, source)
            declared = [_declared(file, stream) for file, stream in zip(files, contents.streams, strict=True)]
            sr = files[0].samplerate
            keep = round(max_seconds * sr)
            starts = excerpt_starts(sum(n_samples or declared), keep=keep, whole=whole)
            excerpts = [Excerpt(start, channels.get(number)) for number, start in enumerate(starts)]
            decoded: list[int] = []
            padded = False
            for file, stream, expected in zip(files, contents.streams, declared, strict=True):
                length, junk = _decode(
                    file, stream, expected, excerpts, keep=keep, offset=sum(decoded), is_mpeg=contents.mpeg is not None
                )
                decoded.append(length)
                padded |= junk
            n_channels = files[0].channels
        if excerpt_starts(sum(decoded), keep=keep, whole=whole) != starts and decoded != n_samples:
            n_samples = decoded
            continue
        cancelled = [excerpt.cancels for excerpt in excerpts]
        if any(cancelled):
            channels = {
                number: int(np.argmax(excerpt.loudness)) for number, excerpt in enumerate(excerpts) if excerpt.cancels
            }
            n_samples = decoded
            continue
        return RawAudio(
            excerpts=[excerpt.samples() for excerpt in excerpts],
            starts=starts,
            cancelled=[number in channels for number in range(len(starts))],
            n_decoded=sum(decoded),
            n_declared=sum(declared),
            padded=padded,
            sample_rate=sr,
            channels=n_channels,
            decoder=_DECODER,
        )


def _open(stream: Stream) -> soundfile.SoundFile:
    stream.file.seek(0)
    return _Decoder(stream.file)


def _check(files: list[soundfile.SoundFile], source: Source) -> None:
    """Reject files that libsndfile opens but cannot be trusted to decode."""
    if files[0].format == "MP3" and source.contents.mpeg is None:
        raise not_mp3(source.data)  # free format: there are no frames to be counted
    kinds = list(dict.fromkeys(f"{file.samplerate} Hz in {file.channels} channels" for file in files))
    if len(kinds) > 1:
        raise RejectedTrack(
            Reason.DECODE_ERROR,
            f"its streams differ: {kinds[0]}, then {kinds[1]}: encode it again, or cut it into parts",
        )


def _declared(file: soundfile.SoundFile, stream: Stream) -> int:
    """Return the number of samples that a stream declares; 0 when it declares none."""
    if stream.n_samples is not None:
        return stream.n_samples
    return file.frames if file.frames < _MOST_FRAMES else 0


def _decode(
    file: soundfile.SoundFile,
    stream: Stream,
    expected: int,
    excerpts: list[Excerpt],
    *,
    keep: int,
    offset: int,
    is_mpeg: bool,
) -> tuple[int, bool]:
    """Decode one stream and keep what of it lies in excerpts.

    Parameters
    ----------
    expected : int, samples
        As `_declared` returns it.
    excerpts : list of Excerpt
    keep : int, samples
        Length of an excerpt at most.
    offset : int, samples
        Length of the streams before.
    is_mpeg : bool

    Returns
    -------
    length : int
        Of the stream.
    padded : bool
        Whether bytes that the decoder does not understand follow the last sample.
    """
    if file.subtype in _SEEKABLE and file.format not in ("FLAC", "OGG"):
        return _seek(file, excerpts, keep=keep, offset=offset), False
    buffer = _buffer(file.channels)[: 2 * keep]
    position = -stream.n_leading
    while True:
        # No more than expected is asked for, since libsndfile fills the rest with zeros; then one sample, to see
        # whether that was all.
        wanted = expected - position if position < expected else 1 if position == expected else len(buffer)
        try:
            block, error = file.read(out=buffer[:wanted]), None
        except soundfile.LibsndfileError as raised:  # what was decoded before it in the same call counts
            block, error = buffer[: file.tell() - stream.n_leading - position], raised
        own = block[max(0, -position) :]
        collect(own, excerpts, keep=keep, position=offset + max(0, position))
        position += len(block)
        if error is not None:
            if 0 < expected <= position:
                return position, True
            if is_mpeg or not 0 < position < expected:
                raise error
            said = f"decoded {position} samples, its header declares {expected}"
            raise RejectedTrack(Reason.TRUNCATED, joined(said, error.error_string)) from error
        if len(block) == 0:
            return position, False


def _seek(file: soundfile.SoundFile, excerpts: list[Excerpt], *, keep: int, offset: int) -> int:
    """Seek to the excerpts and read only them, in a stream whose samples lie at known offsets."""
    buffer = _buffer(file.channels)
    for excerpt in excerpts:
        position = max(0, excerpt.start - offset)
        end = min(file.frames, excerpt.start + keep - offset)
        if position < end:
            file.seek(position)
        while position < end:
            block = file.read(out=buffer[: end - position])
            if len(block) == 0:
                return position
            excerpt.add(block)
            position += len(block)
    return int(file.frames)


def _buffer(channels: int) -> NDArray[np.float32]:
    """Return the decoder's memory as frames of `channels` samples; its size is the same for every file."""
    n_frames = max(1, _BUFFER // (4 * channels))
    return _memory()[: n_frames * channels].reshape(n_frames, channels)


@cache
def _memory() -> NDArray[np.float32]:
    """Allocate the decoder's array once for all tracks: new memory costs more than filling it."""
    return np.empty(_BUFFER // 4, dtype=np.float32)


@contextmanager
def _stderr_diverted_to(log: BinaryIO) -> Iterator[None]:
    """Redirect to a file what C code writes to stderr."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        os.dup2(log.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
