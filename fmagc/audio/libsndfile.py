"""Decode a file with libsndfile to mono float32 at its native rate, capturing the library's warnings."""

import io
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

from fmagc.audio.validate import Source, not_mp3, summary
from fmagc.errors import Reason, RejectedTrack

__all__ = ["NOTHING", "RawAudio", "excerpt_starts", "joined", "read_samples"]

NOTHING = np.empty(0, dtype=np.float32)

_MOST_FRAMES = 1 << 48  # what libsndfile says of a FLAC file of unknown length is more
_UNRECOGNISED = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
_DETAIL_CHARACTERS = 400


@dataclass(frozen=True, slots=True)
class RawAudio:
    """A decoded file: mono excerpts at its native rate, its decoded and declared lengths in samples, its format."""

    excerpts: list[NDArray[np.float32]]
    starts: list[int]
    n_decoded: int
    n_declared: int
    kind: str
    sample_rate: int
    channels: int
    warnings: str


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
        A longer file gives several excerpts that cover it, but for half a second of 30 at most.

    Raises
    ------
    RejectedTrack
        When the decoder gives up, with what it said.
    """
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_diverted_to(log), soundfile.SoundFile(io.BytesIO(source.data)) as file:
                if source.audio and file.format != "MP3":  # the decoder goes by the first bytes, another container's
                    raise not_mp3(source.data)
                if file.frames > _MOST_FRAMES:
                    raise RejectedTrack(Reason.DECODE_ERROR, "its header does not tell how long it is: encode it anew")
                keep = round(max_seconds * file.samplerate)
                starts = excerpt_starts(file.frames, keep=keep, whole=whole)
                with _ending_early(file, source):
                    excerpts, n_decoded = _excerpts(file, starts, keep=keep)
        except soundfile.SoundFileError as error:
            said = getattr(error, "error_string", str(error))
            unknown = not source.audio and getattr(error, "code", None) == _UNRECOGNISED
            reason = Reason.NOT_AUDIO if unknown else Reason.DECODE_ERROR
            raise RejectedTrack(reason, joined(f"{said} ({summary(source.data)})", _text_of(log))) from error
        kind, sr, channels = file.format, file.samplerate, file.channels
        return RawAudio(excerpts, starts, n_decoded, file.frames, kind, sr, channels, _text_of(log))


@contextmanager
def _ending_early(file: soundfile.SoundFile, source: Source) -> Iterator[None]:
    """Name what is missing where the decoder stops with an error in a file that is no MP3, as FLAC's does."""
    try:
        yield
    except soundfile.LibsndfileError as error:
        if source.audio or not 0 < file.tell() < file.frames:
            raise
        said = f"decoded {file.tell()} samples, its header declares {file.frames}"
        raise RejectedTrack(Reason.TRUNCATED, joined(said, error.error_string)) from error


def excerpt_starts(n_frames: int, *, keep: int, whole: bool) -> list[int]:
    """Choose the middle of a longer file, FMA's rule, or excerpts that cover the whole.

    A sixtieth of an excerpt may be left out: clips of 30 s are often some milliseconds longer, and get one excerpt.
    """
    last = max(0, n_frames - keep)
    n_excerpts = max(1, -(-(n_frames - keep // 60) // keep)) if whole else 1
    return [last // 2] if n_excerpts == 1 else [round(start) for start in np.linspace(0, last, n_excerpts).tolist()]


def _excerpts(file: soundfile.SoundFile, starts: list[int], *, keep: int) -> tuple[list[NDArray[np.float32]], int]:
    """Decode a whole file but keep at most `keep` samples from each start; say how long all of it was.

    Blocks bound the memory that an endless file takes; a block of twice what is kept makes one read of a usual clip,
    since reading an MP3 in several calls costs the decoder a seek each.
    """
    parts: list[list[NDArray[np.float32]]] = [[] for _ in starts]
    position = 0
    while position < file.frames and len(block := file.read(out=_scratch(2 * keep, file.channels))) > 0:
        for start, own in zip(starts, parts, strict=True):
            wanted = block[max(0, start - position) : max(0, start + keep - position)]
            if len(wanted) > 0:
                own.append(_mono(wanted))
        position += len(block)
    return [own[0] if len(own) == 1 else np.concatenate([NOTHING, *own]) for own in parts], position


@lru_cache(maxsize=1)
def _scratch(n: int, channels: int) -> NDArray[np.float32]:
    """Keep one array for the decoder from track to track: fresh memory costs more than filling it."""
    return np.empty((n, channels), dtype=np.float32)


def _mono(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the channels; np.mean is slow over two columns, and a matrix product would wake BLAS's threads."""
    if frames.shape[1] == 1:
        return frames[:, 0].copy()
    y = frames[:, 0] + frames[:, 1]
    for channel in frames.T[2:]:
        y += channel
    y *= np.float32(1 / frames.shape[1])
    return y


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


def _text_of(log: BinaryIO) -> str:
    log.seek(0)
    lines = log.read(4 * _DETAIL_CHARACTERS).decode("utf-8", errors="replace").split("\n")
    return "; ".join(line.strip() for line in lines if line.strip())[:_DETAIL_CHARACTERS]


def joined(*parts: str) -> str:
    """Join the non-empty messages into one line."""
    return "; ".join(part.strip() for part in parts if part.strip())
