"""Compare a model's confidence with its accuracy, before and after temperature scaling.

Conventions
-----------
The confidence of a prediction is the probability of its class. Confidences fall into `N_BINS` bins of equal width, each
open below and closed above. The expected calibration error is the mean distance between accuracy and mean confidence of
the bins, weighted by their rows: 0 is perfect. With few rows it is biased upwards, since every bin varies by chance.
Its size by chance is estimated by drawing whether each row is right, with the confidence of the row as probability.

Temperature scaling divides the logits of all rows by one number, fitted to the validation rows: above 1 it reduces
confidence. It keeps the order of the classes, so the predictions stay the same.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import draw, interval
from fmagc.evaluation.metrics import Floats, Ints, log_probabilities
from fmagc.evaluation.predictions import Predictions

__all__ = [
    "error_by_chance",
    "expected_calibration_error",
    "fit_temperature",
    "has_temperature",
    "reliability",
    "temperature_interval",
    "temperature_text",
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
    labels : np.ndarray [shape=(N,), int64]
        True class indices.
    probabilities : np.ndarray [shape=(N, K), float64]
        Rows sum to 1.

    Returns
    -------
    float
        From 0 to 1.
    """
    bins = reliability(labels, probabilities=probabilities)
    return float(sum(row["rows"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / len(labels))


def error_by_chance(probabilities: Floats) -> float:
    """Estimate the expected calibration error that a perfectly calibrated model has by chance, over as many rows.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(N, K), float64]
        Rows sum to 1.

    Returns
    -------
    float
        Mean of 1,000 draws of which rows are right.
    """
    confidence = np.sort(probabilities.max(axis=1))  # so that the order of rows makes no difference
    right = np.random.default_rng(0).random((_DRAWS, len(confidence))) < confidence
    by_bin = np.eye(N_BINS)[_bins(confidence)]  # (N, bins)
    return float(np.abs((right - confidence) @ by_bin).sum(axis=1).mean() / len(confidence))


def reliability(labels: Ints, *, probabilities: Floats) -> list[dict[str, Any]]:
    """Compute the accuracy and mean confidence of each bin of confidence.

    Parameters
    ----------
    labels : np.ndarray [shape=(N,), int64]
        True class indices.
    probabilities : np.ndarray [shape=(N, K), float64]
        Rows sum to 1.

    Returns
    -------
    list of dict
        For each bin that has a row ``low``, ``high``, ``rows``, ``confidence`` and ``accuracy``.
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
    """Fit the temperature that minimises the log loss, within the bounds `TEMPERATURES`.

    Parameters
    ----------
    scores : np.ndarray [shape=(N, K), float64]
        Logits, or log probabilities.
    labels : np.ndarray [shape=(N,), int64]
        True class indices.
    weights : np.ndarray [shape=(N,), int64], optional
        How often each row counts; without, once.

    Returns
    -------
    float
        Above 1 for a model that is overconfident.
    """
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        of_rows = -log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels]
        return float(np.average(of_rows, weights=weights))

    found = minimize_scalar(log_loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))


def tempered(predictions: Predictions) -> tuple[dict[int, float], Predictions]:
    """Scale the test rows of each seed by the temperature that suits its validation rows.

    Parameters
    ----------
    predictions : Predictions
        Of clips or of tracks, of validation and test.

    Returns
    -------
    temperatures : dict of int to float
        By seed.
    test : Predictions
        The test rows with scaled probabilities.

    Raises
    ------
    DataError
        When there is no validation row.
    """
    if not (predictions.sets == "val").any():
        raise DataError(
            f"predictions of {predictions.model}: expected rows of the set val to fit a temperature to, found "
            "none. Run `dvc repro`."
        )
    test = predictions.test
    scaled = np.empty_like(test.probabilities)
    temperatures: dict[int, float] = {}
    for seed, validation in predictions.validation.by_seed().items():
        temperature = fit_temperature(log_probabilities(validation.probabilities), labels=validation.labels)
        rows = test.seeds == seed
        scaled[rows] = softmax(log_probabilities(test.probabilities[rows]) / temperature, axis=1)
        temperatures[seed] = temperature
    return temperatures, replace(test, probabilities=scaled)


def temperature_interval(predictions: Predictions) -> tuple[float, float]:
    """Bound the temperature, a mean over seeds, by a bootstrap over the artists of the validation rows, and over seeds.

    Parameters
    ----------
    predictions : Predictions
        As for `tempered`.

    Returns
    -------
    low, high : float
        Of the middle 95 %; with one artist, `TEMPERATURES`.
    """
    validation = predictions.validation
    artists = np.unique(validation.artist_ids)
    if len(artists) < 2:
        return TEMPERATURES
    by_seed = validation.by_seed()
    times, seeds = draw(len(artists), n_seeds=len(by_seed), resamples=_RESAMPLES, seed=0)
    fitted = np.empty((_RESAMPLES, len(by_seed)))
    for k, own in enumerate(by_seed.values()):
        scores, artist = log_probabilities(own.probabilities), np.searchsorted(artists, own.artist_ids)
        for n in range(_RESAMPLES):
            fitted[n, k] = fit_temperature(scores, labels=own.labels, weights=times[n, artist])
    return interval(np.average(fitted, axis=1, weights=seeds))


def has_temperature(calibration: Mapping[str, Any]) -> bool:
    """Check that every temperature of an `error_analysis.calibration` lies inside the bounds of the search."""
    return not any(
        np.isclose(value, bound, rtol=0.01) for value in calibration["temperature"] for bound in TEMPERATURES
    )


def temperature_text(calibration: Mapping[str, Any]) -> str:
    """Write the temperature of each seed of an `error_analysis.calibration`, with the interval of their mean."""
    if not has_temperature(calibration):
        return "none found"
    values, (low, high) = calibration["temperature"], calibration["temperature_interval"]
    return f"{', '.join(f'{value:.2f}' for value in values)} [{low:.2f}, {high:.2f}]"
