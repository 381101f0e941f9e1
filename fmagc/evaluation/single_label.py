"""Scores where a track has one genre: functions of the confusion matrix, and of the probability of the true genre.

A resample's confusion matrix is the sum of its artists' matrices, so that all resamples are one matrix product of whole
numbers: exact whatever the number of threads.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from fmagc.evaluation.abstract_scoring import Scoring
from fmagc.evaluation.bootstrap import draw
from fmagc.evaluation.calibration import error_by_chance, fit_temperature
from fmagc.evaluation.metrics import Floats, Ints, class_metrics, count_metrics, log_probabilities, metrics_of
from fmagc.evaluation.predictions import Predictions

__all__ = ["SingleLabel", "artist_counts", "resampled"]

RESAMPLED = ("accuracy", "macro_f1")
DECIMALS = 6


class SingleLabel(Scoring):
    """The measures of the task in which a track has one genre: `metrics.METRICS`."""

    task = "single"
    headline = "macro_f1"
    resampled = RESAMPLED

    def scores(self, rows: Predictions) -> dict[str, float]:
        """Compute accuracy and macro_f1 of the rows of one seed."""
        found = metrics_of(rows.labels, probabilities=rows.probabilities)
        return {name: found[name] for name in self.resampled}

    def metrics(self, test: Predictions, *, validation: Predictions, genres: pd.DataFrame) -> dict[str, float]:
        """Compute the eight `metrics.METRICS` of one seed: nothing is chosen, and no genre lies above another."""
        return metrics_of(test.labels, probabilities=test.probabilities)

    def resamples(self, test: Predictions, *, resamples: int, seed: int) -> Mapping[str, Floats]:
        """Compute accuracy and macro_f1, means over seeds, in every resample of artists and seeds."""
        return resampled(_counts(test), resamples=resamples, seed=seed)

    def confidences(self, rows: Predictions) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """List the probability of the predicted genre of each row, and whether it is the true one."""
        return rows.probabilities.max(axis=1), rows.correct

    def log_loss(self, rows: Predictions) -> float:
        """Compute the mean of -ln p(true genre), in nats."""
        return metrics_of(rows.labels, probabilities=rows.probabilities)["log_loss"]

    def ece_by_chance(self, rows: Predictions) -> float:
        """Estimate the error by drawing which rows are right (`calibration.error_by_chance`)."""
        return error_by_chance(rows.probabilities.max(axis=1))

    def fit_temperature(self, rows: Predictions) -> float:
        """Fit the temperature of the softmax."""
        return fit_temperature(log_probabilities(rows.probabilities), labels=rows.labels)

    def fit_temperatures(self, rows: Predictions, *, artists: Ints, times: Ints) -> list[float]:
        """Fit the temperature of the softmax to each resample."""
        scores = log_probabilities(rows.probabilities)
        return [fit_temperature(scores, labels=rows.labels, weights=own[artists]) for own in times]

    def scale(self, probabilities: Floats, temperature: float) -> Floats:
        """Take the softmax of the logarithms, divided by the temperature."""
        return np.asarray(softmax(log_probabilities(probabilities) / temperature, axis=1))

    def genre_table(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Compute precision, recall and F1 of each genre on the test rows (`Scoring.genre_table`)."""
        counts: Floats = _counts(predictions.test).sum(axis=1).astype(np.float64)
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

    def analysis(self, predictions: Predictions) -> dict[str, Any]:
        """Add nothing: the confusions say which genres get which wrongly."""
        return {}


def artist_counts(labels: Ints, *, predicted: Ints, artist_ids: Ints, seeds: Ints, n_classes: int) -> Ints:
    """Count confusions for each seed of training and each artist.

    Parameters
    ----------
    labels, predicted, artist_ids, seeds : np.ndarray [shape=(N,), int64]
        A row for each prediction; labels and predicted are class indices.
    n_classes : int
        K.

    Returns
    -------
    np.ndarray [shape=(S, A, K, K), int64]
        Seeds and artists in ascending order, so that the same test set gives the same artists for every model.
    """
    artists, artist = np.unique(artist_ids, return_inverse=True)
    runs, run = np.unique(seeds, return_inverse=True)
    cells = (run * len(artists) + artist) * n_classes + labels
    shape = (len(runs) * len(artists) * n_classes, n_classes)
    counts = np.bincount(cells * n_classes + predicted, minlength=shape[0] * shape[1])
    return counts.reshape(len(runs), len(artists), n_classes, n_classes).astype(np.int64)


def resampled(counts: Ints, *, resamples: int, seed: int) -> Mapping[str, Floats]:
    """Compute accuracy and macro_f1, means over seeds, in every resample.

    Parameters
    ----------
    counts : np.ndarray [shape=(S, A, K, K), int64]
        From `artist_counts`.
    seed : int
        Of the draw.

    Returns
    -------
    mapping of str to np.ndarray [shape=(resamples,), float64]
    """
    n_seeds, n_artists, n_classes, _ = counts.shape
    artists, seeds = draw(n_artists, n_seeds=n_seeds, resamples=resamples, seed=seed)
    by_artist: Floats = counts.astype(np.float64).swapaxes(0, 1).reshape(n_artists, -1)
    drawn = artists.astype(np.float64) @ by_artist  # floats go through BLAS
    values = count_metrics(drawn.reshape(resamples, n_seeds, n_classes, n_classes))
    return {name: np.average(values[name], axis=1, weights=seeds) for name in RESAMPLED}


def _counts(rows: Predictions) -> Ints:
    return artist_counts(
        rows.labels,
        predicted=rows.predicted,
        artist_ids=rows.artist_ids,
        seeds=rows.seeds,
        n_classes=len(rows.genres),
    )
