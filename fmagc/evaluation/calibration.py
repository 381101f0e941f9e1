"""Whether a model is right as often as it claims, before and after its confidence is scaled.

Conventions
-----------
The confidence of a prediction is the probability of its class. Confidences fall into `N_BINS` bins of equal width, each
open below and closed above. The expected calibration error is the mean distance between accuracy and mean confidence of
the bins, weighted by their rows: 0 is perfect, and of few rows it is too large, since chance alone moves every bin. How
large it is by chance is told by drawing whether each row is right with the probability that the model claims.

Temperature scaling divides the logits of all rows by one number, fitted to the validation rows: above 1 it takes
confidence away. It changes no order of classes, so the predictions stay the same.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import draw, interval
from fmagc.evaluation.metrics import Floats, Ints, log_probabilities
from fmagc.evaluation.predictions import arrays_of, with_probabilities

__all__ = [
    "error_by_chance",
    "expected_calibration_error",
    "fit_temperature",
    "has_temperature",
    "reliability",
    "temperature_interval",
    "temperature_words",
    "tempered",
]

N_BINS = 15  # as Guo et al.
TEMPERATURES = (0.1, 100.0)  # of the softmax; bounded, because a perfect validation score asks for 0
_EDGES = np.linspace(0, 1, N_BINS + 1)
_DRAWS = 1000
_RESAMPLES = 200


def expected_calibration_error(labels: Ints, *, probabilities: Floats) -> float:
    """Measure the gap between confidence and accuracy.

    Parameters
    ----------
    labels : int [shape=(N,)]
        True class indices.
    probabilities : float [shape=(N, K)]
    """
    bins = reliability(labels, probabilities=probabilities)
    return float(sum(row["rows"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / len(labels))


def error_by_chance(probabilities: Floats) -> float:
    """Give the mean expected calibration error of a model that is right as often as it claims, over as many rows.

    Parameters
    ----------
    probabilities : float [shape=(N, K)]
    """
    confidence = np.sort(probabilities.max(axis=1))  # so that the order of rows makes no difference
    right = np.random.default_rng(0).random((_DRAWS, len(confidence))) < confidence
    by_bin = np.eye(N_BINS)[_bins(confidence)]  # (N, bins)
    return float(np.abs((right - confidence) @ by_bin).sum(axis=1).mean() / len(confidence))


def reliability(labels: Ints, *, probabilities: Floats) -> list[dict[str, Any]]:
    """Describe each bin that has a row: ``low``, ``high``, ``rows``, mean ``confidence``, ``accuracy``.

    Parameters
    ----------
    labels : int [shape=(N,)]
    probabilities : float [shape=(N, K)]
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    own_bin = _bins(confidence)
    return [
        {
            "low": float(_EDGES[place]),
            "high": float(_EDGES[place + 1]),
            "rows": int((own_bin == place).sum()),
            "confidence": float(confidence[own_bin == place].mean()),
            "accuracy": float(right[own_bin == place].mean()),
        }
        for place in np.unique(own_bin)
    ]


def _bins(confidence: Floats) -> Ints:
    return np.searchsorted(_EDGES[1:-1], confidence)


def fit_temperature(scores: Floats, *, labels: Ints, weights: Ints | None = None) -> float:
    """Find the temperature of least log loss, at most one of `TEMPERATURES`.

    Parameters
    ----------
    scores : float [shape=(N, K)]
        Logits, or anything whose softmax is meant to be a probability.
    labels : int [shape=(N,)]
    weights : int [shape=(N,)], optional
        How often each row counts; without, once.
    """
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        of_rows = -log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels]
        return float(np.average(of_rows, weights=weights))

    found = minimize_scalar(log_loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def tempered(table: pd.DataFrame) -> tuple[dict[int, float], pd.DataFrame]:
    """Scale the test rows of each seed by the temperature that suits its validation rows.

    Parameters
    ----------
    table : DataFrame
        Predictions of clips or of tracks, of validation and test.

    Returns
    -------
    temperatures : dict of int to float
        By seed.
    test : DataFrame
        The test rows with scaled probabilities.

    Raises
    ------
    DataError
        When there is no validation row.
    """
    if "val" not in set(table["set"]):
        raise DataError(
            f"predictions of {table['model'].iloc[0]}: expected rows of the set val to fit a temperature to, found "
            "none. Run `dvc repro`."
        )
    temperatures: dict[int, float] = {}
    parts = []
    for seed in np.unique(table["seed"]).tolist():
        rows = table[table["seed"] == seed]
        labels, probabilities = arrays_of(rows)
        scores, is_val = log_probabilities(probabilities), (rows["set"] == "val").to_numpy()
        temperature = fit_temperature(scores[is_val], labels=labels[is_val])
        temperatures[seed] = temperature
        parts.append(with_probabilities(rows[~is_val], softmax(scores[~is_val] / temperature, axis=1)))
    return temperatures, pd.concat(parts, ignore_index=True)


def temperature_interval(table: pd.DataFrame) -> tuple[float, float]:
    """Bound the temperature, a mean over seeds, by a bootstrap over the artists of the validation rows, and over seeds.

    Parameters
    ----------
    table : DataFrame
        As for `tempered`.

    Returns
    -------
    low, high : float
        Of the middle 95 %; with one artist, `TEMPERATURES`.
    """
    validation = table[table["set"] == "val"]
    artists = np.unique(validation["artist_id"])
    if len(artists) < 2:
        return TEMPERATURES
    parts = [rows for _, rows in validation.groupby("seed")]
    times, seeds = draw(len(artists), n_seeds=len(parts), resamples=_RESAMPLES, seed=0)
    fitted = np.empty((_RESAMPLES, len(parts)))
    for place, rows in enumerate(parts):
        labels, probabilities = arrays_of(rows)
        scores, artist = log_probabilities(probabilities), np.searchsorted(artists, rows["artist_id"])
        for n in range(_RESAMPLES):
            fitted[n, place] = fit_temperature(scores, labels=labels, weights=times[n, artist])
    return interval(np.average(fitted, axis=1, weights=seeds))


def has_temperature(calibration: Mapping[str, Any]) -> bool:
    """Tell whether the search found a temperature for every seed of an `evaluation.details.calibration`, or a bound."""
    return not any(
        np.isclose(value, bound, rtol=0.01) for value in calibration["temperature"] for bound in TEMPERATURES
    )


def temperature_words(calibration: Mapping[str, Any]) -> str:
    """Write the temperature of each seed of an `evaluation.details.calibration`, with the interval of their mean."""
    if not has_temperature(calibration):
        return "none suits"
    values, (low, high) = calibration["temperature"], calibration["temperature_interval"]
    return f"{', '.join(f'{value:.2f}' for value in values)} [{low:.2f}, {high:.2f}]"
