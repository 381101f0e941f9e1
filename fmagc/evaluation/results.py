"""Where the results of a model or baseline lie, and how they are written: the same files for both."""

from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.evaluation.error_analysis import details_of
from fmagc.evaluation.predictions import arrays_of, by_track, genres_of, predictions_of, write_predictions
from fmagc.evaluation.summary import summarise
from fmagc.params.evaluation import Evaluate
from fmagc.paths import CLIP_METRICS, CONFUSION, DETAILS, PREDICTIONS, TRACK_METRICS
from fmagc.runtime.files import write_json, write_text

__all__ = [
    "BOOTSTRAP_SEED",
    "confusion_table",
    "publish",
    "table_of",
]

BOOTSTRAP_SEED = 0  # the same resamples for every model


def table_of(probabilities: Any, clips: pd.DataFrame, *, genres: list[str], **names: Any) -> pd.DataFrame:
    """Join the probabilities of clips [shape=(N, K)] to the clips of `store.windows.clip_table`.

    `names` are ``protocol``, ``model`` and ``seed``.
    """
    return predictions_of(
        probabilities,
        track_ids=clips["track_id"].to_numpy(),
        artist_ids=clips["artist_id"].to_numpy(),
        sets=clips["set"].tolist(),
        clips=clips["clip"].to_numpy(),
        labels=clips["label"].tolist(),
        genres=genres,
        **names,
    )


def publish(
    predictions: pd.DataFrame, *, protocol: str, model: str, settings: Evaluate, names: pd.DataFrame
) -> dict[str, float]:
    """Write predictions, metrics of tracks and of clips, confusion table and details; return the metrics of tracks."""
    tracks, clips = summarise(predictions, resamples=settings.bootstrap, seed=BOOTSTRAP_SEED)
    place = Path(protocol) / model
    write_predictions(predictions, path=PREDICTIONS / place.with_suffix(".csv"))
    write_json(TRACK_METRICS / place.with_suffix(".json"), tracks)
    write_json(CLIP_METRICS / place.with_suffix(".json"), clips)
    write_text(CONFUSION / place.with_suffix(".csv"), confusion_table(predictions).to_csv(index=False))
    write_json(DETAILS / place.with_suffix(".json"), details_of(predictions, names=names))
    return tracks


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return ``true`` and ``predicted`` genre of every test track, a row for each seed."""
    test = by_track(predictions[predictions["set"] == "test"])
    _, probabilities = arrays_of(test)
    genres = genres_of(test)
    return pd.DataFrame({"true": test["genre"], "predicted": [genres[k] for k in probabilities.argmax(axis=1)]})
