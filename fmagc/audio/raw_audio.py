"""Collect the wanted excerpts of a file from what a decoder gives, as mono float32 at its native rate."""

import re
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

__all__ = ["NOTHING", "Excerpt", "RawAudio", "collect", "excerpt_starts", "joined", "rough_power", "text_of"]

NOTHING = np.empty(0, dtype=np.float32)

_DETAIL_CHARACTERS = 400  # of a decoder's messages
_CANCELLED = 1e-6  # power of a mean over that of the channels: -60 dB
_SUSPECT = 1e-3  # the same ratio over a subset of the samples; below it, it is measured over all of them
_STEP = 251  # the subset holds one sample in so many, far apart, since each costs a cache line; odd: all channels


@dataclass(frozen=True, slots=True)
class RawAudio:
    """A decoded file: mono excerpts at its native rate, and its lengths as decoded and as declared.

    Attributes
    ----------
    excerpts : list of np.ndarray [shape=(n,), float32]
        The mean of the channels, or one channel where that mean has cancelled.
    starts : list of int, samples
        Where in the file each begins.
    cancelled : list of bool
        For each, whether its channels cancel: their mean has less than a millionth of their power.
    n_decoded, n_declared : int, samples per channel
        How long all of the file is, and how long it says that it is.
    padded : bool
        Whether bytes that the decoder does not understand follow the last sample.
    sample_rate : int [Hz]
    channels : int
    decoder : str
        Name and version.
    warnings : str
        What the decoder said.
    """

    excerpts: list[NDArray[np.float32]]
    starts: list[int]
    cancelled: list[bool]
    n_decoded: int
    n_declared: int
    padded: bool
    sample_rate: int
    channels: int
    decoder: str
    warnings: str = ""


def excerpt_starts(n_frames: int, *, keep: int, whole: bool) -> list[int]:
    """Choose the middle of a longer file, FMA's rule, or excerpts that cover the whole.

    A sixtieth of an excerpt may be left out: clips of 30 s are often some milliseconds longer, and get one excerpt.
    """
    last = max(0, n_frames - keep)
    n_excerpts = max(1, -(-(n_frames - keep // 60) // keep)) if whole else 1
    return [last // 2] if n_excerpts == 1 else [round(start) for start in np.linspace(0, last, n_excerpts).tolist()]


@dataclass(slots=True)
class Excerpt:
    """A part of the file that is kept, as it is decoded block by block.

    Attributes
    ----------
    start : int
        First sample.
    channel : int or None
        The one to keep; None for the mean of all.
    """

    start: int
    channel: int | None = None
    parts: list[NDArray[np.float32]] = field(default_factory=list)
    power: float = 0.0
    channels_power: float = 0.0
    loudness: NDArray[np.float64] | float = 0.0

    def add(self, frames: NDArray[np.float32]) -> None:
        """Keep the next samples."""
        if self.channel is not None:
            self.parts.append(frames[:, self.channel].copy())
            return
        if frames.shape[1] == 1:
            self.parts.append(frames[:, 0].copy())
            return
        flat = frames.reshape(-1)
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is found later
            mono = _mean(frames)
            power, channels_power = rough_power(mono), rough_power(flat)
            if power < _SUSPECT * channels_power:
                power, channels_power = _power(mono), _power(flat)
                self.loudness = self.loudness + np.square(frames, dtype=np.float64).sum(axis=0)
        self.parts.append(mono)
        self.power += power
        self.channels_power += channels_power / frames.shape[1]

    @property
    def cancels(self) -> bool:
        """Check whether the mean of the channels has less than a millionth of their power."""
        return self.power < _CANCELLED * self.channels_power

    def samples(self) -> NDArray[np.float32]:
        """Join the parts."""
        return self.parts[0] if len(self.parts) == 1 else np.concatenate([NOTHING, *self.parts])


def collect(block: NDArray[np.float32], excerpts: list[Excerpt], *, keep: int, position: int) -> None:
    """Keep what of a block lies in excerpts of at most `keep` samples; `position` is that of its first sample."""
    for excerpt in excerpts:
        wanted = block[max(0, excerpt.start - position) : max(0, excerpt.start + keep - position)]
        if len(wanted) > 0:
            excerpt.add(wanted)


def rough_power(y: NDArray[np.float32]) -> float:
    """Estimate the sum of the squares of samples [shape=(n,)] from a subset."""
    return _STEP * _power(y[::_STEP])


def _power(y: NDArray[np.float32]) -> float:
    return float(np.einsum("i,i->", y, y))


def _mean(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the channels; np.mean is slow over two columns, and a matrix product would wake BLAS's threads."""
    y = frames[:, 0] + frames[:, 1]
    for channel in frames.T[2:]:
        y += channel
    y *= np.float32(1 / frames.shape[1])
    return y


def text_of(log: BinaryIO, *, unwanted: str = "$^") -> str:
    """Read what a decoder printed into a file, as one line of limited length, without what a pattern matches."""
    log.seek(0)
    text = log.read(16 * _DETAIL_CHARACTERS).decode("utf-8", errors="replace")
    return joined(*re.sub(unwanted, "", text).splitlines())[:_DETAIL_CHARACTERS]


def joined(*parts: str) -> str:
    """Join the non-empty messages into one line."""
    return "; ".join(part.strip() for part in parts if part.strip())
