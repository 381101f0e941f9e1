"""Analyse a model's results by genre, by confusion and by confidence, and list its most confident errors.

Everything is computed from the predictions and the tracks' names, and on test rows; validation decides the temperatures
alone. Where there are several training seeds, numbers are means over them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.evaluation.calibration import reliability
from fmagc.evaluation.confusions import confusions_by_seed
from fmagc.evaluation.metrics import Floats
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import scoring_of

__all__ = ["analyse", "calibration", "confident_errors", "top_confusions"]

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
        ``track`` and ``clip``, each with ``genres`` (`Scoring.genre_table`), ``confusions``, ``calibration`` and what
        `Scoring.analysis` adds; ``errors``, of tracks.
    """
    scoring = scoring_of(predictions)
    levels = {
        level: {
            "genres": scoring.genre_table(rows),
            "confusions": top_confusions(rows),
            "calibration": calibration(rows),
            **scoring.analysis(rows),
        }
        for level, rows in (("track", predictions.tracks), ("clip", predictions))
    }
    return {**levels, "errors": confident_errors(predictions.tracks, names=names)}


def top_confusions(predictions: Predictions, *, limit: int = N_CONFUSIONS) -> list[dict[str, Any]]:
    """List the most frequent confusions, those of the largest share of a genre first.

    Returns
    -------
    list of dict
        ``true``, ``predicted``, ``count`` (rows of one seed, a mean) and ``share`` of the true genre's rows
        (`confusions`).
    """
    genres = predictions.genres
    counts: Floats = confusions_by_seed(predictions.test).mean(axis=0)
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
    scoring = scoring_of(predictions)
    temperatures, scaled = scoring.tempered(predictions)
    by_chance = [scoring.ece_by_chance(own) for own in predictions.test.by_seed().values()]
    interval = scoring.temperature_interval(predictions.validation)
    return {
        "temperature": [round(value, DECIMALS) for value in temperatures.values()],
        "temperature_interval": [round(value, DECIMALS) for value in interval],
        "ece_by_chance": round(float(np.mean(by_chance)), DECIMALS),
        "log_loss_scaled": round(scoring.log_loss(scaled), DECIMALS),
        "bins": _rounded_bins(*scoring.confidences(predictions.test)),
        "bins_scaled": _rounded_bins(*scoring.confidences(scaled)),
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
        ``track_id``, ``artist``, ``title``, and of `Predictions.mean_of_seeds` ``true`` (its ``genre``), ``predicted``,
        ``confidence`` and ``p_true``; most confident first.
    """
    found = tracks.test.mean_of_seeds().round(DECIMALS).rename(columns={"genre": "true"}).reset_index()
    wrong = found[~found["correct"]]
    ranked = wrong.sort_values(["confidence", "track_id"], ascending=[False, True]).head(limit)
    named = ranked.merge(names, on="track_id", how="left", validate="one_to_one")
    columns = ["track_id", "artist", "title", "true", "predicted", "confidence", "p_true"]
    return [dict(zip(columns, row, strict=True)) for row in named[columns].to_numpy(dtype=object).tolist()]


def _rounded_bins(confidence: Floats, right: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    return [{name: round(value, DECIMALS) for name, value in row.items()} for row in reliability(confidence, right)]
