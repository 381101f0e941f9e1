"""How many clips of a track are worth judging, and how to make one verdict of them: a table of what was tried.

Most clips serve several counts: those of 1, 2, 3 and 5 evenly spaced ones are among those of 9, up to rounding, and of
random ones the first are the same. A network therefore judges each clip of their union once.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from fmagc.evaluation.aggregation import AVERAGES
from fmagc.evaluation.metrics import Ints, metrics_of
from fmagc.evaluation.predictions import JUDGED_SETS, arrays_of, by_track

__all__ = ["COUNTS", "count_table", "picked", "union_of_clips"]

COUNTS = (1, 2, 3, 5, 9)  # clips a track
MEASURES = ("accuracy", "macro_f1")
DECIMALS = 6

_CLIP = ["track_id", "start"]


def union_of_clips(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """List each clip once that some count of clips a track asks for.

    Parameters
    ----------
    tables : iterable of DataFrame
        As `store.windows.clip_table`, one for each count.

    Returns
    -------
    DataFrame
        The same columns without ``clip``.
    """
    union = pd.concat(list(tables)).drop(columns="clip").drop_duplicates(_CLIP)
    return union.sort_values(_CLIP, ignore_index=True)


def picked(clips: pd.DataFrame, *, union: pd.DataFrame) -> Ints:
    """Find clips of `store.windows.clip_table` in the union: their row numbers there [shape=(N,)]."""
    places = union[_CLIP].assign(place=np.arange(len(union)))
    return clips[_CLIP].merge(places, on=_CLIP, how="left", validate="many_to_one")["place"].to_numpy(dtype=np.int64)


def count_table(predictions: Mapping[int, pd.DataFrame]) -> pd.DataFrame:
    """Measure validation and test tracks for each number of clips and each rule of averaging.

    Parameters
    ----------
    predictions : mapping of int to DataFrame
        Number of clips a track to the table of predictions of those clips.

    Returns
    -------
    DataFrame
        ``protocol``, ``model``, ``set``, ``average``, ``clips``, and ``accuracy`` and ``macro_f1`` of the tracks as
        means over the seeds of training; with two seeds or more their standard deviations, ``accuracy_std`` and
        ``macro_f1_std``.
    """
    rows = [
        {"protocol": table["protocol"].iloc[0], "model": table["model"].iloc[0], "set": name, "average": average}
        | {"clips": n_clips, **_measured(tracks[tracks["set"] == name])}
        for average in AVERAGES
        for n_clips, table in sorted(predictions.items())
        for tracks in [by_track(table, average=average)]
        for name in JUDGED_SETS
    ]
    return pd.DataFrame(rows).sort_values(["set", "average", "clips"], ascending=[False, True, True], ignore_index=True)


def _measured(tracks: pd.DataFrame) -> dict[str, float]:
    by_seed = []
    for seed in np.unique(tracks["seed"]).tolist():
        labels, probabilities = arrays_of(tracks[tracks["seed"] == seed])
        by_seed.append(metrics_of(labels, probabilities=probabilities))
    values = {name: [metrics[name] for metrics in by_seed] for name in MEASURES}
    measured = {name: float(np.mean(numbers)) for name, numbers in values.items()}
    if len(by_seed) > 1:
        measured |= {f"{name}_std": float(np.std(numbers, ddof=1)) for name, numbers in values.items()}
    return {name: round(value, DECIMALS) for name, value in measured.items()}
