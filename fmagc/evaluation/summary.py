"""From a table of predictions to the two metrics files of a model."""

import numpy as np
import pandas as pd

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import artist_counts, intervals
from fmagc.evaluation.calibration import expected_calibration_error, tempered
from fmagc.evaluation.metrics import metrics_of
from fmagc.evaluation.predictions import arrays_of, by_track

__all__ = ["summarise"]

DECIMALS = 6


def summarise(table: pd.DataFrame, *, resamples: int, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """Describe a model by its test tracks, and by its test clips.

    Parameters
    ----------
    table : DataFrame
        A valid table of predictions (`fmagc.evaluation.predictions`). The numbers are of the test rows; those of
        validation decide the temperature behind `ece_scaled`, and nothing else.
    resamples : int
        Of the bootstrap over artists.
    seed : int
        Of the bootstrap; the same for all models, so that they meet the same resamples.

    Returns
    -------
    track_level, clip_level : dict of str to float
        The `METRICS` and the expected calibration error before and after temperature scaling (`ece`, `ece_scaled`), as
        means over the seeds of training; `accuracy_low`, `accuracy_high`, `macro_f1_low`, `macro_f1_high`, the 95 %
        intervals; with two seeds or more `<metric>_std`, the sample standard deviation over seeds. Rounded to 6
        decimals.

    Raises
    ------
    DataError
        When no row belongs to the test set, or none to validation.
    """
    if "test" not in set(table["set"]):
        found = ", ".join(sorted(set(table["set"])))
        raise DataError(f"predictions of {table['model'].iloc[0]}: expected rows of the set test, found only {found}.")
    return (
        _summary(by_track(table), resamples=resamples, seed=seed),
        _summary(table, resamples=resamples, seed=seed),
    )


def _summary(judged: pd.DataFrame, *, resamples: int, seed: int) -> dict[str, float]:
    rows = judged[judged["set"] == "test"]
    _, scaled = tempered(judged)
    labels, probabilities = arrays_of(rows)
    runs = rows["seed"].to_numpy(dtype=np.int64)
    by_seed = [
        metrics_of(labels[runs == run], probabilities=probabilities[runs == run])
        | {
            name: _calibration_error(table[table["seed"] == run])
            for name, table in (("ece", rows), ("ece_scaled", scaled))
        }
        for run in np.unique(runs).tolist()
    ]
    counts = artist_counts(
        labels,
        predicted=probabilities.argmax(axis=1),
        artist_ids=rows["artist_id"].to_numpy(dtype=np.int64),
        seeds=runs,
        n_classes=probabilities.shape[1],
    )
    bounds = intervals(counts, resamples=resamples, seed=seed)
    summary: dict[str, float] = {}
    for name in by_seed[0]:
        values = [metrics[name] for metrics in by_seed]
        summary[name] = float(np.mean(values))
        if name in bounds:
            summary[f"{name}_low"], summary[f"{name}_high"] = bounds[name]
    if len(by_seed) > 1:
        summary |= {f"{name}_std": float(np.std([metrics[name] for metrics in by_seed], ddof=1)) for name in by_seed[0]}
    return {name: round(value, DECIMALS) for name, value in summary.items()}


def _calibration_error(rows: pd.DataFrame) -> float:
    labels, probabilities = arrays_of(rows)
    return expected_calibration_error(labels, probabilities=probabilities)
