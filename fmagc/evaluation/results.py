"""Write the results of a model or baseline: the same files for both."""

from pathlib import Path

import numpy as np
import pandas as pd

from fmagc.evaluation.error_analysis import analyse
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.summary import summarise
from fmagc.params.evaluation import Evaluate
from fmagc.paths import CLIP_METRICS, CONFUSION, DETAILS, PREDICTIONS, TRACK_METRICS
from fmagc.runtime.files import write_json, write_text

__all__ = [
    "BOOTSTRAP_SEED",
    "confusion_table",
    "write_results",
]

BOOTSTRAP_SEED = 0  # the same resamples for every model


def write_results(predictions: Predictions, *, settings: Evaluate, names: pd.DataFrame) -> dict[str, float]:
    """Write predictions, metrics of tracks and of clips, confusion table and error analysis of a model.

    Parameters
    ----------
    predictions : Predictions
        Of clips.
    settings : Evaluate
        Of which the number of bootstrap resamples is read.
    names : pd.DataFrame
        As `corpus.index.read_names` gives them.

    Returns
    -------
    dict of str to float
        The metrics of tracks.
    """
    tracks, clips = summarise(predictions, resamples=settings.bootstrap, seed=BOOTSTRAP_SEED)
    name = Path(predictions.protocol) / predictions.model
    predictions.write(PREDICTIONS / name.with_suffix(".csv"))
    write_json(TRACK_METRICS / name.with_suffix(".json"), tracks)
    write_json(CLIP_METRICS / name.with_suffix(".json"), clips)
    write_text(CONFUSION / name.with_suffix(".csv"), confusion_table(predictions).to_csv(index=False))
    write_json(DETAILS / name.with_suffix(".json"), analyse(predictions, names=names))
    return tracks


def confusion_table(predictions: Predictions) -> pd.DataFrame:
    """Return ``true`` and ``predicted`` genre of every test track, a row for each seed."""
    test = predictions.tracks.test
    genres = np.array(predictions.genres, dtype=object)
    return pd.DataFrame({"true": genres[test.labels], "predicted": genres[test.predicted]})
