"""Check predictions before any number is computed from them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from fmagc.errors import DataError

if TYPE_CHECKING:
    from fmagc.evaluation.predictions import Predictions

__all__ = ["EVALUATED_SETS", "require_valid"]

EVALUATED_SETS = ("val", "test")
SUM_TOLERANCE = 1e-4


def require_valid(predictions: "Predictions", *, source: str) -> None:
    """Raise unless every number of the predictions can be trusted.

    Parameters
    ----------
    predictions : Predictions
        Ordered by seed, track and clip.
    source : str
        Where they come from, for the message.

    Raises
    ------
    DataError
        On fewer than two genres or none in alphabetical order, no rows, an unknown set or label, a clip that occurs
        twice, a track whose artist, set or genres change, seeds that saw different clips, or probabilities that are
        outside 0 to 1 or do not sum to 1 where a track has one genre.
    """
    fault = _fault_of(predictions) or _fault_of_rows(predictions) or _fault_of_probabilities(predictions)
    if fault:
        raise DataError(f"{source}: {fault}. Make it again with `dvc repro`.")


def _fault_of(own: "Predictions") -> str | None:
    if list(own.genres) != sorted(set(own.genres)) or len(own.genres) < 2:
        return f"expected two or more genres in alphabetical order, found {', '.join(own.genres)}"
    if own.probabilities.ndim != 2 or own.probabilities.shape[1] != len(own.genres):
        return f"expected probabilities (N, {len(own.genres)}), found the shape {own.probabilities.shape}"
    if not len(own.probabilities):
        return "expected a row for each clip, found none"
    unknown = ~np.isin(own.sets, EVALUATED_SETS)
    if unknown.any():
        found = str(own.sets[unknown][0])
        return f"column set: expected one of {', '.join(EVALUATED_SETS)}, found {found!r}{_at(own, unknown)}"
    unknown = (own.labels < 0) | (own.labels >= len(own.labelling.texts))
    if unknown.any():
        bounds = f"0 to {len(own.labelling.texts) - 1}"
        return f"column label: expected {bounds}, found {own.labels[unknown][0]}{_at(own, unknown)}"
    return None


def _fault_of_rows(own: "Predictions") -> str | None:
    _, first, track = np.unique(own.track_ids, return_index=True, return_inverse=True)
    clip = 0 if own.clips is None else np.unique(own.clips, return_inverse=True)[1]
    place = track * (np.max(clip) + 1) + clip
    again = np.zeros(len(place), dtype=np.bool_)
    again[1:] = (place[1:] == place[:-1]) & (own.seeds[1:] == own.seeds[:-1])
    if again.any():
        return f"expected each clip once for each seed, found one again{_at(own, again)}"
    for name, values in (("artist_id", own.artist_ids), ("set", own.sets), ("label", own.labels)):
        changing = values != values[first][track]
        if changing.any():
            found = own.track_ids[changing].min()
            return f"column {name}: expected one value for each track, found several for track_id {found}"
    n_seeds = len(np.unique(own.seeds))
    partial = np.bincount(place)[place] != n_seeds
    if partial.any():
        return f"expected every clip from all {n_seeds} seeds, found some without{_at(own, partial)}"
    return None


def _fault_of_probabilities(own: "Predictions") -> str | None:
    p = own.probabilities
    outside = np.asarray(~((p >= 0) & (p <= 1)).all(axis=1), dtype=np.bool_)  # NaN compares false
    if outside.any():
        return f"expected probabilities from 0 to 1, found {p[outside][0].tolist()}{_at(own, outside)}"
    sums = p.sum(axis=1)
    off = np.asarray(np.abs(sums - 1) > SUM_TOLERANCE, dtype=np.bool_)
    if own.labelling.task.exclusive and off.any():
        return f"expected probabilities that sum to 1, found a sum of {sums[off][0]:.6f}{_at(own, off)}"
    return None


def _at(own: "Predictions", rows: npt.NDArray[np.bool_]) -> str:
    """Name the first of some rows."""
    first = int(np.argmax(rows))
    clip = "" if own.clips is None else f", clip {own.clips[first]}"
    return f" at seed {own.seeds[first]}, track_id {own.track_ids[first]}{clip}"
