"""Normalisation statistics of the training tracks: measured in float64 in one pass, and read from data/stats."""

from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from fmagc.cache.reader import Cache
from fmagc.errors import DataError
from fmagc.paths import STATS
from fmagc.runtime.files import read_record

__all__ = ["Moments", "Normalisation", "measure", "read_normalisation", "waveform_moments"]

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
        One per column: one for a waveform, one per band for a mel spectrogram.
    without_spread : list of int
        Columns that are as good as constant, as the top bands of an MP3 of 64 kbit/s are; their scale is 1.
    """

    mean_: list[float]
    scale_: list[float]
    without_spread: list[int]

    @property
    def affine(self) -> tuple[Float64, Float64]:
        """Factor and shift by column: a column without spread carries nothing and becomes 0, whatever its value."""
        factor = 1 / np.array(self.scale_)
        factor[self.without_spread] = 0
        return factor, -np.array(self.mean_) * factor

    def transform(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float32]:
        """Normalise a waveform [shape=(n,)] or a spectrogram [shape=(frames, n_mels), dB], as datasets do clips."""
        factor, shift = (part.astype(np.float32) for part in self.affine)
        return values.astype(np.float32) * factor + shift

    @classmethod
    def from_moments(cls, moments: Moments, *, least_spread: float) -> Self:
        """Turn the moments of the training set into a z-score."""
        flat = moments.std < least_spread
        scale = np.where(flat, 1.0, moments.std)
        return cls(moments.mean.tolist(), scale.tolist(), np.flatnonzero(flat).tolist())


def measure(waves: Cache, mels: Cache, training: Collection[int]) -> dict[str, Any]:
    """Measure the training tracks of both caches.

    Parameters
    ----------
    waves, mels : Cache
        With the facts ``scale`` and none.
    training : Collection of int
        Ids of the training set; those that decode rejected are passed over.

    Returns
    -------
    dict
        ``tracks``, and a `Normalisation` for ``waveform`` and ``mel``, as plain values.

    Raises
    ------
    DataError
        When no training track is in the cache, or one is in that of the waveforms alone, or has no finite spectrogram.
    """
    wanted = set(training)
    tracks = [track_id for track_id in waves.track_ids if track_id in wanted]
    if not tracks:
        raise DataError(f"{waves.folder}: expected tracks of the training set, found none: see ledger.csv there")
    lost = sorted(set(tracks) - set(mels.track_ids))
    if lost:
        raise DataError(
            f"{mels.folder}: expected the tracks of {waves.folder}, found none of track {lost[0]}: run `dvc repro`"
        )
    waveform: list[Moments] = []
    mel: list[Moments] = []
    for track_id in tqdm(tracks, unit="track", desc="stats"):
        row = waves[track_id]
        waveform.append(waveform_moments(row.read(), row.columns["scale"]))
        mel.append(Moments.of(mels[track_id].read()))
        if not np.isfinite(mel[-1].mean).all():
            raise DataError(
                f"{mels.folder}: expected finite dB, found others in track {track_id}: run `dvc repro -f mel`"
            )
    normalisations = {
        "waveform": Normalisation.from_moments(Moments.merged(waveform), least_spread=LEAST_SPREAD),
        "mel": Normalisation.from_moments(Moments.merged(mel), least_spread=LEAST_SPREAD_DB),
    }
    return {"tracks": len(tracks)} | {view: asdict(value) for view, value in normalisations.items()}


def read_normalisation(protocol: str, *, folder: Path = STATS) -> dict[str, Normalisation]:
    """Read the z-scores of ``waveform`` and ``mel``."""
    found = read_record(folder / f"{protocol}.json", stage=f"stats@{protocol}")
    return {view: Normalisation(**found[view]) for view in ("waveform", "mel")}
