"""Augmentation of training clips, the same on both views: sampled first, then applied to the window that it needs.

`sample` turns the settings into a `ClipTransform` of one clip, a `dataset.clips.Transform`: the loader reads a window
of the frames that it needs, and `ClipTransform.waveform` and `ClipTransform.mel` make a clip of it.
A transform holds every random choice, so that it gives the same bytes in whatever thread it is applied.

A new augmentation is a settings class in `fmagc.params.training`, an operation here, and a case in `_draw_one`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.time_stretch import wsola
from fmagc.params.training import Augmentation, GaussianNoise, TimeStretch

__all__ = ["TABLE_FRAMES", "TABLE_SAMPLES", "ClipTransform", "MelNoise", "Noise", "Operation", "Stretch", "sample"]

Array = NDArray[np.float32]

TABLE_SAMPLES = 2**20  # of noise on samples, 23.8 s at 44.1 kHz: two clips
TABLE_FRAMES = 2**13  # of noise on frames, 16 clips


@dataclass(frozen=True, kw_only=True, eq=False)
class MelNoise:
    """A model of white noise in the log-mel spectrogram of the cache.

    Attributes
    ----------
    band_power : np.ndarray [shape=(n_mels,), power]
        Expected mel power of white noise of standard deviation 1.
    effective_bins : np.ndarray [shape=(n_mels,)]
        How many independent bins a band sums; the power in a band fluctuates the less, the more there are. A band that
        has none gets no noise.
    top_db : float [dB]
        Depth of the floor of the cache below its 0 dB.
    """

    band_power: NDArray[np.floating]
    effective_bins: NDArray[np.floating]
    top_db: float

    @property
    def tables(self) -> tuple[Array, Array]:
        """Two tables [shape=(TABLE_FRAMES, n_mels)], independent, whose sum is the power of noise of expected power 1.

        A Gamma variable of shape k is exactly the sum of two of shape k / 2.
        """
        return _gamma(tuple(np.maximum(self.effective_bins, 1).astype(np.float32).tolist()))


class Operation(Protocol):
    """One augmentation with its random choices made."""

    def waveform(self, y: Array) -> Array:
        """Act on samples."""

    def mel(self, S_db: Array, *, ref_db: float, noise: MelNoise) -> Array:
        """Act on the log-mel spectrogram of the same samples."""


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """Time stretch at the same pitch: `frames_in` frames of the track become `frames_out`.

    On the waveform it is `wsola`: pitch is exact, timing within 20 ms for rates from 0.8 to 1.25, the level of noise
    up to 1.2 dB lower; where attacks follow each other closely, one may be repeated or left out.

    On the cached spectrogram it is a linear interpolation along time, in dB: timing and pitch are exact. Approximate:
    where the level jumps between two frames, the interpolated frame lies on the straight line in dB, while that of a
    stretched waveform is closer to the louder frame; and attacks occur once, at their position. On plucked chords the
    two views differ by 0.7 dB on average, by 0.6 dB where the level is within 40 dB of the maximum.
    """

    frames_in: int
    frames_out: int

    @property
    def rate(self) -> float:
        """Tempo relative to the original, above 1 for faster."""
        return self.frames_in / self.frames_out

    def waveform(self, y: Array) -> Array:
        """Stretch samples."""
        return wsola(y, n_out=len(y) * self.frames_out // self.frames_in)

    def mel(self, S_db: Array, *, ref_db: float, noise: MelNoise) -> Array:
        """Interpolate frames; frame j of the result is the music at frame j * rate of the window."""
        position = np.minimum(np.arange(self.frames_out) * self.rate, len(S_db) - 1)
        before = position.astype(np.intp)
        after = np.minimum(before + 1, len(S_db) - 1)
        weight = (position - before).astype(np.float32)[:, np.newaxis]
        low = S_db[before]
        frames: Array = low + weight * (S_db[after] - low)
        return frames


@dataclass(frozen=True, kw_only=True)
class Noise:
    """White Gaussian noise of standard deviation `amplitude`, where full scale is 1.

    Drawing it again for each clip would cost more than all other work on the clip. It is therefore the sum of two
    windows, at random positions, of two tables that were drawn once: what is exact in a table stays exact in the sum,
    and there are 2**38 sums for a waveform of 2**19 samples, 2**25 for its spectrogram. Repetition: the same window of
    one table occurs in other clips, with a different window of the other table; two clips whose windows of one table
    overlap have a correlation of one half there. In a clip longer than a table, 23.8 s at 44.1 kHz, the table repeats.

    Exact on the waveform: Gaussian, white, of this standard deviation.

    On the cached spectrogram the expected power is exact: noise adds its power to that of the music in every band. Its
    fluctuation follows a Gamma distribution with the band's effective bins as shape. Approximate: the cross terms
    between music and noise are left out (they vanish in the mean), frames and bands fluctuate independently (the frames
    of the cache overlap), and the two views of one clip get noise of equal strength but not the same noise.
    """

    amplitude: float
    places: tuple[float, float]  # in [0, 1): where in the two tables, as a part of the places possible

    def waveform(self, y: Array) -> Array:
        """Add noise to samples."""
        added = self._sum(_gaussian(), len(y))
        added *= np.float32(self.amplitude / np.sqrt(2))
        added += y
        return added

    def mel(self, S_db: Array, *, ref_db: float, noise: MelNoise) -> Array:
        """Add the noise's power to each band, relative to the power `ref_db` of 0 dB."""
        power = self._sum(noise.tables, len(S_db))
        power *= (self.amplitude**2 * 10.0 ** (-ref_db / 10) * noise.band_power).astype(np.float32)
        power += np.power(np.float32(10), S_db / np.float32(10))
        return np.float32(10) * np.log10(power)

    def _sum(self, tables: tuple[Array, Array], n: int) -> Array:
        first, second = (_window(table, at, n) for table, at in zip(tables, self.places, strict=True))
        return first + second


@lru_cache
def _gaussian() -> tuple[Array, Array]:
    """Draw two independent tables of white noise of standard deviation 1."""
    a, b = np.random.default_rng(0).standard_normal((2, TABLE_SAMPLES), dtype=np.float32)
    return a, b


@lru_cache
def _gamma(effective_bins: tuple[float, ...]) -> tuple[Array, Array]:
    """Draw the tables of `MelNoise`; kept for the process, since a transform that comes from another brings none."""
    rng = np.random.default_rng(0)
    bins = np.array(effective_bins, dtype=np.float32)
    a, b = (rng.standard_gamma(bins / 2, (TABLE_FRAMES, len(bins)), dtype=np.float32) / bins for _ in range(2))
    return a, b


def _window(table: Array, at: float, n: int) -> Array:
    """Cut n rows out of a table, at a fraction of the possible positions; a shorter table is repeated."""
    if n > len(table):
        return np.resize(table, (n, *table.shape[1:]))
    start = int(at * (len(table) - n + 1))
    return table[start : start + n]


@dataclass(frozen=True, kw_only=True)
class ClipTransform:
    """The augmentations of one clip.

    Attributes
    ----------
    frames : int
        Length of the window to read; frames * hop_length samples are the same music.
    operations : tuple of Operation
        In the order in which they act.
    noise : MelNoise
        Of the cache that the clip is read from.
    """

    frames: int
    operations: tuple[Operation, ...]
    noise: MelNoise

    def waveform(self, y: Array) -> Array:
        """Make a clip of the waveform of the window.

        Parameters
        ----------
        y : np.ndarray [shape=(frames * hop_length,), float32]
            At the scale of the track, not normalised; stays as it is.

        Returns
        -------
        np.ndarray [shape=(samples of a clip,), float32]
            The window itself when there is nothing to do.
        """
        for operation in self.operations:
            y = operation.waveform(y)
        return y

    def mel(self, S_db: Array, *, ref_db: float) -> Array:
        """Make a clip of the log-mel spectrogram of the window.

        Parameters
        ----------
        S_db : np.ndarray [shape=(frames, n_mels), float32, dB below ref_db]
            As cached, not normalised; stays as it is.
        ref_db : float [dB]
            Absolute mel power of the track's 0 dB; finite for a silent track too.

        Returns
        -------
        np.ndarray [shape=(frames of a clip, n_mels), float32, dB from -top_db to 0]
            The window itself when there is nothing to do.

        Notes
        -----
        Where the result is louder than the track's 0 dB, as noise over a silent track is, its own maximum becomes
        0 dB: the cache of such a track would have it so.
        """
        if not self.operations:
            return S_db
        for operation in self.operations:
            S_db = operation.mel(S_db, ref_db=ref_db, noise=self.noise)
        loudest = max(np.float32(0), S_db.max())
        clip: Array = np.maximum(S_db - loudest, np.float32(-self.noise.top_db))
        return clip


def sample(
    settings: Sequence[Augmentation], rng: np.random.Generator, *, frames: int, available: int, noise: MelNoise
) -> ClipTransform:
    """Sample the augmentations of one clip.

    Parameters
    ----------
    settings : Sequence[Augmentation]
        They act in this order. Every one takes the same number of draws from `rng`, whether it is chosen or not.
    rng : np.random.Generator
        Its state moves on.
    frames : int
        Length of a clip.
    available : int
        Length of the track in frames, at least that of a clip. A rate is never so fast that the window exceeds the
        track, so in a short track the range of rates ends earlier.
    noise : MelNoise
        Of the cache.
    """
    operations: list[Operation] = []
    for setting in reversed(settings):  # from the clip back to the window
        chosen = rng.random() < setting.p
        operation = _draw_one(setting, rng, frames=frames, available=available)
        if chosen:
            operations.insert(0, operation)
            frames = operation.frames_in if isinstance(operation, Stretch) else frames
    return ClipTransform(frames=frames, operations=tuple(operations), noise=noise)


def _draw_one(setting: Augmentation, rng: np.random.Generator, *, frames: int, available: int) -> Stretch | Noise:
    match setting:
        case TimeStretch():
            high = min(setting.max_rate, available / frames)
            rate = rng.uniform(min(setting.min_rate, high), high)
            return Stretch(frames_in=max(1, round(frames * rate)), frames_out=frames)  # whole frames: both views fit
        case GaussianNoise():
            amplitude = rng.uniform(setting.min_amplitude, setting.max_amplitude)
            return Noise(amplitude=amplitude, places=(rng.random(), rng.random()))
