"""Count, mean and spread of values by column: taken where a row of the cache is made, merged for any set of rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["Moments", "integer_sums"]

Float64 = npt.NDArray[np.float64]

_BLOCK = 1 << 15  # samples whose float64 copy stays in the second-level cache


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

    @classmethod
    def of_integers(cls, count: int, *, total: int, squares: int, scale: float) -> Self:
        """Measure one column of `count` integers times `scale`, from their sum and the sum of their squares."""
        mean = total / count
        return cls(count, np.array([mean * scale]), np.array([(squares - total * mean) * scale**2]))

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


def integer_sums(samples: npt.NDArray[np.int16]) -> tuple[int, int]:
    """Sum samples [shape=(n,)] and their squares, exactly: float64 holds every sum of one block."""
    total = squares = 0
    buffer = np.empty(_BLOCK)
    for start in range(0, len(samples), _BLOCK):
        block = samples[start : start + _BLOCK]
        x = buffer[: len(block)]
        x[:] = block
        total += int(x.sum())
        squares += int(x @ x)
    return total, squares
