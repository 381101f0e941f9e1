"""Analyse a model's results by genre, by confusion and by confidence, and list its most confident errors.

Everything is computed from the predictions and the tracks' names, and on test rows; validation decides the temperatures
alone. Where there are several training seeds, numbers are means over them.
"""

from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.calibration import error_by_chance, reliability, temperature_interval, tempered
from fmagc.evaluation.metrics import Floats, class_metrics, metrics_of
from fmagc.evaluation.predictions import Predictions

__all__ = ["analyse", "calibration", "confident_errors", "genre_table", "top_confusions"]

N_CONFUSIONS = 10
N_ERRORS = 20
DECIMALS = 6


def analyse(predictions: Predictions, *, names: pd.DataFrame) -> dict[str, Any]:
    """Analyse the errors of a model at track and at clip level, ready for JSON.

    Parameters
    ----------
    predictions : Predictions
        Of clips, with rows of validation and test.
    names : pd.DataFrame
        As `corpus.index.read_names` gives them.

    Returns
    -------
    dict
        ``track`` and ``clip``, each with ``genres``, ``confusions`` and ``calibration``; ``errors``, of tracks.
    """
    levels = {
        level: {"genres": genre_table(rows), "confusions": top_confusions(rows), "calibration": calibration(rows)}
        for level, rows in (("track", predictions.tracks), ("clip", predictions))
    }
    return {**levels, "errors": confident_errors(predictions.tracks, names=names)}


def genre_table(predictions: Predictions) -> list[dict[str, Any]]:
    """Measure each genre on the test rows.

    Returns
    -------
    list of dict
        ``genre``, ``support`` (rows of one seed), ``precision``, ``recall`` and ``f1``, and with two seeds or more
        ``f1_std``, the standard deviation over seeds.
    """
    counts = _counts_by_seed(predictions)
    support = counts[0].sum(axis=1).astype(int).tolist()
    by_class = class_metrics(counts)  # (S, K) each
    table = [
        {"genre": genre, "support": support[k]}
        | {name: round(float(values[:, k].mean()), DECIMALS) for name, values in by_class.items()}
        for k, genre in enumerate(predictions.genres)
    ]
    if len(counts) > 1:
        for k, row in enumerate(table):
            row["f1_std"] = round(float(by_class["f1"][:, k].std(ddof=1)), DECIMALS)
    return table


def top_confusions(predictions: Predictions, *, limit: int = N_CONFUSIONS) -> list[dict[str, Any]]:
    """List the most frequent confusions, those of the largest share of a genre first.

    Returns
    -------
    list of dict
        ``true``, ``predicted``, ``count`` (rows of one seed, a mean) and ``share`` of the true genre's rows.
    """
    genres = predictions.genres
    counts: Floats = _counts_by_seed(predictions).mean(axis=0)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    wrong = [(true, predicted) for true, predicted in np.argwhere(counts > 0).tolist() if true != predicted]
    ranked = sorted(wrong, key=lambda cell: (-share[*cell], -counts[*cell], cell))
    return [
        {
            "true": genres[true],
            "predicted": genres[predicted],
            "count": round(float(counts[true, predicted]), DECIMALS),
            "share": round(float(share[true, predicted]), DECIMALS),
        }
        for true, predicted in ranked[:limit]
    ]


def calibration(predictions: Predictions) -> dict[str, Any]:
    """Compare confidence with accuracy on the test rows, before and after temperature scaling.

    Returns
    -------
    dict
        ``temperature`` (of each seed), ``temperature_interval`` (of their mean), ``ece_by_chance`` (a mean over seeds),
        ``log_loss_scaled``, and ``bins`` and ``bins_scaled`` (`evaluation.calibration.reliability`, all seeds
        together).
    """
    temperatures, scaled = tempered(predictions)
    by_chance = [error_by_chance(own.probabilities) for own in predictions.test.by_seed().values()]
    log_loss = metrics_of(scaled.labels, probabilities=scaled.probabilities)["log_loss"]
    return {
        "temperature": [round(value, DECIMALS) for value in temperatures.values()],
        "temperature_interval": [round(value, DECIMALS) for value in temperature_interval(predictions)],
        "ece_by_chance": round(float(np.mean(by_chance)), DECIMALS),
        "log_loss_scaled": round(log_loss, DECIMALS),
        "bins": _bins(predictions.test),
        "bins_scaled": _bins(scaled),
    }


def confident_errors(tracks: Predictions, *, names: pd.DataFrame, limit: int = N_ERRORS) -> list[dict[str, Any]]:
    """List the test tracks that a model gets wrong with most confidence: its worst errors, or doubtful labels.

    Parameters
    ----------
    tracks : Predictions
        Of tracks; the probabilities of several seeds are averaged.
    names : pd.DataFrame
        ``track_id``, ``artist``, ``title``.
    limit : int
        Number of tracks at most.

    Returns
    -------
    list of dict
        ``track_id``, ``artist``, ``title``, ``true``, ``predicted``, ``confidence``, ``p_true``; most confident first.
    """
    found = tracks.test.mean_of_seeds().round(DECIMALS).rename(columns={"genre": "true"}).reset_index()
    wrong = found[found["true"] != found["predicted"]]
    ranked = wrong.sort_values(["confidence", "track_id"], ascending=[False, True]).head(limit)
    named = ranked.merge(names, on="track_id", how="left", validate="one_to_one")
    columns = ["track_id", "artist", "title", "true", "predicted", "confidence", "p_true"]
    return [dict(zip(columns, row, strict=True)) for row in named[columns].to_numpy(dtype=object).tolist()]


def _counts_by_seed(predictions: Predictions) -> Floats:
    """Return the confusion matrices of the test rows [shape=(S, K, K)]."""
    return np.asarray(predictions.test.confusions_by_artist().sum(axis=1), dtype=np.float64)


def _bins(predictions: Predictions) -> list[dict[str, Any]]:
    return [
        {name: round(value, DECIMALS) for name, value in row.items()}
        for row in reliability(predictions.labels, probabilities=predictions.probabilities)
    ]
