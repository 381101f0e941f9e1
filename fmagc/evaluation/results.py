"""Write the results of models: the same files for networks and baselines, and some that only networks have."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.evaluation.confusions import confusion_table
from fmagc.evaluation.error_analysis import analyse
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import scoring_of
from fmagc.evaluation.summary import summarise
from fmagc.params.evaluation import Evaluate
from fmagc.paths import (
    ARCHITECTURES,
    CLIP_COUNTS,
    CLIP_METRICS,
    CONFUSION,
    DETAILS,
    PREDICTIONS,
    SHARE_DETAILS,
    SHARE_METRICS,
    SHARE_PREDICTIONS,
    TIMELINES,
    TRACK_METRICS,
    share_results,
)
from fmagc.runtime.files import file_digest, write_json, write_record
from fmagc.runtime.tables import write_csv

__all__ = ["BOOTSTRAP_SEED", "write_network_results", "write_results", "write_share_results"]

BOOTSTRAP_SEED = 0  # the same resamples for every model


def write_results(predictions: Predictions, *, settings: Evaluate, names: pd.DataFrame, genres: pd.DataFrame) -> str:
    """Write predictions, metrics of tracks and of clips, confusion table and error analysis of a model.

    Parameters
    ----------
    predictions : Predictions
        Of clips.
    settings : Evaluate
        Of which the number of bootstrap resamples is read.
    names, genres : pd.DataFrame
        As `corpus.index.read_names` and `corpus.index.read_genre_table` give them.

    Returns
    -------
    str
        The scores of the tracks in words.
    """
    tracks, clips = summarise(predictions, genres=genres, resamples=settings.bootstrap, seed=BOOTSTRAP_SEED)
    name = Path(predictions.protocol) / predictions.model
    predictions.write(PREDICTIONS / name.with_suffix(".h5"))
    shown = {"track": TRACK_METRICS / name.with_suffix(".json"), "clip": CLIP_METRICS / name.with_suffix(".json")}
    write_json(shown["track"], tracks)
    write_json(shown["clip"], clips)
    write_csv(CONFUSION / name.with_suffix(".csv"), confusion_table(predictions), float_format="%.10g")
    # a digest among the metrics would be one more column of `dvc metrics show`
    digests = {level: file_digest(path) for level, path in shown.items()}
    write_record(DETAILS / name.with_suffix(".json"), analyse(predictions, names=names) | {"metrics": digests})
    return _words(predictions, tracks)


def write_network_results(
    results: Predictions,
    *,
    clip_counts: pd.DataFrame,
    timeline: pd.DataFrame,
    diagram: Any,
    settings: Evaluate,
    names: pd.DataFrame,
    genres: pd.DataFrame,
) -> str:
    """Write the results of a network: those of `write_results`, its clip counts, its timeline and its diagram.

    Parameters
    ----------
    results : Predictions
        Of the clips by which the network is evaluated.
    clip_counts : pd.DataFrame
        Measures by numbers of clips (`clips_per_track.count_table`).
    timeline : pd.DataFrame
        Predictions along one track (`inference.timeline.predict_timeline`).
    diagram : JSON
        The parts of the network (`inference.trace_model.Diagram`).
    settings, names, genres : Evaluate, pd.DataFrame, pd.DataFrame
        As for `write_results`.

    Returns
    -------
    str
        The scores of the tracks in words.
    """
    name = Path(results.protocol) / results.model
    write_csv(CLIP_COUNTS / name.with_suffix(".csv"), clip_counts)
    write_csv(TIMELINES / name.with_suffix(".csv"), timeline)
    write_record(ARCHITECTURES / name.with_suffix(".json"), diagram)
    return write_results(results, settings=settings, names=names, genres=genres)


def write_share_results(
    predictions: Predictions, split: pd.DataFrame, *, share: float, settings: Evaluate, genres: pd.DataFrame
) -> str:
    """Write the predictions of a model that was trained on a share of the training set, their metrics, and its size.

    Parameters
    ----------
    predictions : Predictions
        Of clips.
    split : pd.DataFrame
        As `cache.training_share.read_split_with_share` gives it.
    share, settings : float, Evaluate
        As in params.yaml.
    genres : pd.DataFrame
        As for `write_results`.

    Returns
    -------
    str
        The scores of the tracks in words.
    """
    training = split[split["set"] == "train"]
    name = share_results(predictions.protocol, share, predictions.model)
    metrics, _ = summarise(predictions, genres=genres, resamples=settings.bootstrap, seed=BOOTSTRAP_SEED)
    predictions.write(SHARE_PREDICTIONS / f"{name}.h5")
    write_record(SHARE_DETAILS / f"{name}.json", {"training_tracks": len(training)})
    write_json(SHARE_METRICS / f"{name}.json", metrics)
    return _words(predictions, metrics)


def _words(predictions: Predictions, metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {metrics[name]}" for name in scoring_of(predictions).resampled)
