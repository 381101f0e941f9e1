"""Normalisation statistics: mean and spread of the training tracks, in float64, one pass, in any order of shards."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Moments", "Normalisation", "waveform_moments"]

Float64 = npt.NDArray[np.float64]

# float16 stores dB below -64 in steps of 1/16: a smaller spread is one of storage, not of music
LEAST_SPREAD_DB = 0.0625
LEAST_SPREAD = 1e-6  # of a waveform whose full scale is 1


@dataclass(frozen=True)
class Moments:
    """Count, mean and sum of squared deviations of some values, by column.

    Source of the merge: Chan, Golub & LeVeque (1979), "Updating formulae and a pairwise algorithm for computing
    sample variances".
    """

    count: int
    mean: Float64
    squares: Float64

    @classmethod
    def of(cls, values: npt.NDArray[Any]) -> Self:
        """Measure values [shape=(n, columns)] in two passes over one track."""
        x = values.astype(np.float64)
        mean = x.mean(axis=0)
        x -= mean
        return cls(len(x), mean, np.einsum("nc,nc->c", x, x))

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of values together."""
        count = self.count + other.count
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.count / count)
        squares = self.squares + other.squares + delta**2 * (self.count * other.count / count)
        return type(self)(count, mean, squares)

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Merge at least one part, from the left: sort the parts by track, and the order of shards cannot matter."""
        parts = iter(parts)
        total = next(parts)
        for part in parts:
            total = total.merge(part)
        return total

    @property
    def std(self) -> Float64:
        """Population standard deviation by column."""
        return np.sqrt(self.squares / self.count)


def waveform_moments(samples: npt.NDArray[np.int16], scale: float) -> Moments:
    """Measure a stored waveform; the sums over integers are exact."""
    x = samples.astype(np.float64)
    total, squares = x.sum(), x @ x
    mean = total / len(x)
    return Moments(len(x), np.array([mean * scale]), np.array([(squares - total * mean) * scale**2]))


@dataclass(frozen=True)
class Normalisation:
    """A z-score: (values - mean_) / scale_ by column.

    Attributes
    ----------
    mean_, scale_ : list of float
        One a column: one for a waveform, one a band for a mel spectrogram.
    without_spread : list of int
        Columns that are as good as constant, as the top bands of an MP3 of 64 kbit/s are; their scale is 1.
    """

    mean_: list[float]
    scale_: list[float]
    without_spread: list[int]

    @classmethod
    def from_moments(cls, moments: Moments, *, least_spread: float) -> Self:
        """Turn the moments of the training set into a z-score."""
        flat = moments.std < least_spread
        scale = np.where(flat, 1.0, moments.std)
        return cls(moments.mean.tolist(), scale.tolist(), np.flatnonzero(flat).tolist())
