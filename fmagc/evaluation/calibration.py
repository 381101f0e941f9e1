"""Compare a model's confidence with its accuracy, before and after temperature scaling.

Conventions
-----------
Where a track has one genre, the confidence of a prediction is the probability of its class, and it is right if the
track is of that class. Where a track has several, every probability of a genre is a confidence, and it is right if the
track carries the genre. Confidences fall into `N_BINS` bins of equal width, each open below and closed above. The
expected calibration error is the mean distance between accuracy and mean confidence of the bins, weighted by their
number: 0 is perfect. With few it is biased upwards, since every bin varies by chance. Its size by chance is estimated
by drawing whether each confidence is right, with itself as the probability.

Temperature scaling divides the logits of all rows by one number, fitted to the validation rows: above 1 it reduces
confidence. It keeps the order of the genres, so the predictions stay the same.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from fmagc.evaluation.metrics import Floats, Ints

__all__ = [
    "confidence_bins",
    "error_by_chance",
    "expected_calibration_error",
    "fit_temperature",
    "has_temperature",
    "least_loss",
    "reliability",
    "temperature_text",
]

N_BINS = 15  # as Guo et al.
TEMPERATURES = (0.1, 100.0)  # of logits; bounded, because a perfect validation score asks for 0
_EDGES = np.linspace(0, 1, N_BINS + 1)
_DRAWS = 1000

Bools = npt.NDArray[np.bool_]


def expected_calibration_error(confidence: Floats, right: Bools) -> float:
    """Measure the gap between confidence and accuracy; parameters as for `reliability`.

    Returns
    -------
    float
        From 0 to 1.
    """
    bins = reliability(confidence, right)
    return float(sum(row["rows"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / len(right))


def error_by_chance(confidence: Floats) -> float:
    """Estimate the expected calibration error that a perfectly calibrated model has by chance, over as many rows.

    Parameters
    ----------
    confidence : np.ndarray [shape=(N,), float64]

    Returns
    -------
    float
        Mean of 1,000 draws of which rows are right.
    """
    confidence = np.sort(confidence)  # so that the order of rows makes no difference
    right = np.random.default_rng(0).random((_DRAWS, len(confidence))) < confidence
    by_bin = np.eye(N_BINS)[confidence_bins(confidence)]  # (N, bins)
    return float(np.abs((right - confidence) @ by_bin).sum(axis=1).mean() / len(confidence))


def reliability(confidence: Floats, right: Bools) -> list[dict[str, Any]]:
    """Compute the accuracy and mean confidence of each bin of confidence.

    Parameters
    ----------
    confidence : np.ndarray [shape=(N,), float64]
    right : np.ndarray [shape=(N,), bool]
        What came true.

    Returns
    -------
    list of dict
        For each bin that has a row ``low``, ``high``, ``rows``, ``confidence`` and ``accuracy``.
    """
    own_bin = confidence_bins(confidence)
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


def confidence_bins(confidence: Floats) -> Ints:
    """Return the number of the bin of each confidence, of any shape."""
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

    def log_loss(temperature: float) -> float:
        of_rows = -log_softmax(scores / temperature, axis=1)[rows, labels]
        return float(np.average(of_rows, weights=weights))

    return least_loss(log_loss)


def least_loss(log_loss: Callable[[float], float]) -> float:
    """Find the temperature with the least log loss, within the bounds `TEMPERATURES`."""
    bounds = tuple(np.log(TEMPERATURES))
    found = minimize_scalar(lambda log_temperature: log_loss(np.exp(log_temperature)), bounds=bounds, method="bounded")
    return float(np.exp(found.x))


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
