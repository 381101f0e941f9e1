"""Normalisation statistics of the training tracks: merged from the columns of the caches, and read from data/stats."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fmagc.cache.moments import Moments
from fmagc.cache.reader import Cache
from fmagc.errors import DataError
from fmagc.paths import STATS
from fmagc.runtime.files import read_record

__all__ = ["Normalisation", "as_normalisation", "measure", "read_normalisation"]

Float64 = npt.NDArray[np.float64]

# float16 stores dB below -64 in steps of 1/16: a smaller spread is one of storage, not of music
LEAST_SPREAD_DB = 0.0625
LEAST_SPREAD = 1e-6  # of a waveform whose full scale is 1


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
    """Measure the training tracks of both caches, from what was measured of each when it was stored.

    Parameters
    ----------
    waves, mels : Cache
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
    waveform = waves.columns("length", "sum", "sum_of_squares", "scale")
    mel = mels.columns("length", "mean", "squared_deviations")
    for track_id in tracks:
        if not np.isfinite(mel[track_id][1]).all():
            raise DataError(
                f"{mels.folder}: expected finite dB, found others in track {track_id}: run `dvc repro -f mel`"
            )
    found = {
        "waveform": Moments.merged(
            Moments.of_integers(length.item(), total=total.item(), squares=squares.item(), scale=scale.item())
            for length, total, squares, scale in map(waveform.__getitem__, tracks)
        ),
        "mel": Moments.merged(
            Moments(length.item(), mean, squares) for length, mean, squares in map(mel.__getitem__, tracks)
        ),
    }
    least = {"waveform": LEAST_SPREAD, "mel": LEAST_SPREAD_DB}
    return {"tracks": len(tracks)} | {
        view: asdict(Normalisation.from_moments(moments, least_spread=least[view])) for view, moments in found.items()
    }


def read_normalisation(protocol: str, *, folder: Path = STATS) -> dict[str, Normalisation]:
    """Read the z-scores of ``waveform`` and ``mel``."""
    return as_normalisation(read_record(folder / f"{protocol}.json", stage=f"stats@{protocol}"))


def as_normalisation(found: Mapping[str, Any]) -> dict[str, Normalisation]:
    """Turn what `measure` found into the z-scores of ``waveform`` and ``mel``."""
    return {view: Normalisation(**found[view]) for view in ("waveform", "mel")}
