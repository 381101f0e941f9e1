"""Read the wanted excerpts of a file from its open streams, in a C library that prints to stderr."""

import os
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.raw_audio import Excerpt, RawAudio, collect, excerpt_starts, joined, text_of
from fmagc.errors import Reason, RejectedTrack

__all__ = ["OpenStream", "frames_buffer", "read_excerpts", "with_messages"]

_BUFFER = 24 << 20  # bytes: a minute of stereo at 48 kHz, so that a usual clip is one read


class OpenStream(ABC):
    """One stream of a file, as a decoder opened it.

    Attributes
    ----------
    sample_rate : int [Hz]
    channels : int
    n_declared : int
        Samples per channel that it declares; 0 when it declares none.
    n_leading : int
        Samples at its beginning that are not of the file.
    n_decoded_channels : int
        Of what `read` gives: 1 where the decoder averages.
    knows_truncation : bool
        Whether an error before the declared length means that the file was cut. Of an MP3, the frames tell that.
    file : str
        What the file is, for the detail of a rejection.
    """

    sample_rate: int
    channels: int
    n_declared: int
    n_leading: int
    n_decoded_channels: int
    knows_truncation: bool
    file: str

    @abstractmethod
    def read(self, out: NDArray[np.float32]) -> tuple[NDArray[np.float32], str | None]:
        """Decode the next samples.

        Parameters
        ----------
        out : np.ndarray [shape=(n, n_decoded_channels), float32]

        Returns
        -------
        frames : np.ndarray [shape=(m, n_decoded_channels), float32]
            The beginning of `out`; empty at the end.
        error : str or None
            What the decoder said when it gave up behind these samples.
        """

    def decode(self, excerpts: list[Excerpt], *, keep: int, offset: int) -> tuple[int, bool]:
        """Decode all of the stream and keep what of it lies in excerpts.

        Parameters
        ----------
        excerpts : list of Excerpt
        keep : int, samples
            Length of an excerpt at most.
        offset : int, samples
            Length of the streams before.

        Returns
        -------
        length : int
            Of the stream.
        padded : bool
            Whether bytes that the decoder does not understand follow the last sample.

        Raises
        ------
        RejectedTrack
            When the decoder gives up.
        """
        buffer = frames_buffer(self.n_decoded_channels)[: 2 * keep]
        expected, position = self.n_declared, -self.n_leading
        while True:
            # No more than declared is asked for, since libsndfile fills the rest with zeros; then one sample, to see
            # whether that was all.
            wanted = expected - position if position < expected else 1 if position == expected else len(buffer)
            block, error = self.read(buffer[:wanted])
            collect(block[max(0, -position) :], excerpts, keep=keep, position=offset + max(0, position))
            position += len(block)
            if error is not None:
                if 0 < expected <= position:
                    return position, True
                if self.knows_truncation and 0 < position < expected:
                    said = f"decoded {position} samples, its header declares {expected}"
                    raise RejectedTrack(Reason.TRUNCATED, joined(said, error))
                raise RejectedTrack(Reason.DECODE_ERROR, f"{error} ({self.file})")
            if len(block) == 0:
                return position, False


def read_excerpts(
    opened: Callable[[], AbstractContextManager[Sequence[OpenStream]]],
    *,
    max_seconds: float,
    whole: bool,
    decoder: str,
) -> RawAudio:
    """Decode all streams, once more where they are not as long as they say, and where the mean of channels cancels.

    Parameters
    ----------
    opened : callable
        Opens the streams, which are all of one sample rate and number of channels.
    max_seconds : float, s
        Length of an excerpt at most; a longer file gives its middle, FMA's rule.
    whole : bool
        Keep several excerpts that cover a longer file; at most a sixtieth of an excerpt is left out (`excerpt_starts`).
    decoder : str
        Name and version.
    """
    n_samples: list[int] = []
    channels: dict[int, int] = {}
    while True:
        with opened() as streams:
            declared = [stream.n_declared for stream in streams]
            sr, n_channels = streams[0].sample_rate, streams[0].channels
            keep = round(max_seconds * sr)
            starts = excerpt_starts(sum(n_samples or declared), keep=keep, whole=whole)
            excerpts = [Excerpt(start, channels.get(number)) for number, start in enumerate(starts)]
            decoded: list[int] = []
            padded = False
            for stream in streams:
                length, junk = stream.decode(excerpts, keep=keep, offset=sum(decoded))
                decoded.append(length)
                padded |= junk
        if excerpt_starts(sum(decoded), keep=keep, whole=whole) != starts and decoded != n_samples:
            n_samples = decoded
            continue
        cancelled = {number: excerpt for number, excerpt in enumerate(excerpts) if excerpt.cancels}
        if cancelled:
            channels = {number: int(np.argmax(excerpt.loudness)) for number, excerpt in cancelled.items()}
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
            decoder=decoder,
        )


def frames_buffer(channels: int) -> NDArray[np.float32]:
    """Return the decoder's memory as frames of `channels` samples; its size is the same for every file."""
    n_frames = max(1, _BUFFER // (4 * channels))
    return _memory()[: n_frames * channels].reshape(n_frames, channels)


@cache
def _memory() -> NDArray[np.float32]:
    """Allocate the decoder's array once for all tracks: new memory costs more than filling it."""
    return np.empty(_BUFFER // 4, dtype=np.float32)


def with_messages(read: Callable[[], RawAudio]) -> RawAudio:
    """Read a file, and add what C code writes to stderr meanwhile: to the warnings, or to the detail of a rejection."""
    with tempfile.TemporaryFile() as log:
        try:
            with _stderr_diverted_to(log):
                raw = read()
        except RejectedTrack as error:
            raise RejectedTrack(error.reason, joined(error.detail, text_of(log))) from error
        return replace(raw, warnings=text_of(log))


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
