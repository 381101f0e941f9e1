"""From predictions to the two metrics files of a model."""

import numpy as np
import pandas as pd

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import intervals
from fmagc.evaluation.calibration import expected_calibration_error
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import scoring_of

__all__ = ["summarise"]

DECIMALS = 6


def summarise(
    predictions: Predictions, *, genres: pd.DataFrame, resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Describe a model by its test tracks, and by its test clips.

    Parameters
    ----------
    predictions : Predictions
        Of clips. The numbers are of the test rows; those of validation decide the temperature behind `ece_scaled`, the
        thresholds behind the macro_f1 of several genres a track, and nothing else.
    genres : pd.DataFrame
        As `corpus.index.read_genre_table` gives it.
    resamples : int
        Of the bootstrap over artists.
    seed : int
        Of the bootstrap; the same for all models, so that they meet the same resamples.

    Returns
    -------
    track_level, clip_level : dict of str to float
        The measures of the task (`Scoring.metrics`) and the expected calibration error before and after temperature
        scaling (`ece`, `ece_scaled`), as means over the training seeds; for some `<metric>_low` and `<metric>_high`,
        the 95 % interval (`Scoring.resampled`); with two seeds or more `<metric>_std`, the sample standard deviation
        over seeds of what is no count. Rounded to 6 decimals.

    Raises
    ------
    DataError
        When no row belongs to the test set, or none to validation.
    """
    if not (predictions.sets == "test").any():
        found = ", ".join(sorted(set(predictions.sets.tolist())))
        raise DataError(f"predictions of {predictions.model}: expected rows of the set test, found only {found}.")
    return (
        _summary(predictions.tracks, genres=genres, resamples=resamples, seed=seed),
        _summary(predictions, genres=genres, resamples=resamples, seed=seed),
    )


def _summary(predictions: Predictions, *, genres: pd.DataFrame, resamples: int, seed: int) -> dict[str, float]:
    scoring, test, validation = scoring_of(predictions), predictions.test, predictions.validation.by_seed()
    scaled = scoring.tempered(predictions)[1].by_seed()
    by_seed = [
        scoring.metrics(own, validation=validation[run], genres=genres)
        | {
            name: expected_calibration_error(*scoring.confidences(rows))
            for name, rows in (("ece", own), ("ece_scaled", scaled[run]))
        }
        for run, own in test.by_seed().items()
    ]
    drawn = scoring.resamples(test, resamples=resamples, seed=seed)
    bounds = intervals(drawn, n_artists=len(np.unique(test.artist_ids)))
    summary: dict[str, float] = {}
    for name in by_seed[0]:
        values = [metrics[name] for metrics in by_seed]
        summary[name] = float(np.mean(values))
        if name in bounds:
            summary[f"{name}_low"], summary[f"{name}_high"] = bounds[name]
    if len(by_seed) > 1:
        measured = [name for name, value in by_seed[0].items() if not isinstance(value, int)]
        summary |= {f"{name}_std": float(np.std([metrics[name] for metrics in by_seed], ddof=1)) for name in measured}
    return {name: round(value, DECIMALS) for name, value in summary.items()}
