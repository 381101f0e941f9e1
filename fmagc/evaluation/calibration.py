"""Whether a model is right as often as it claims, before and after its confidence is scaled.

Conventions
-----------
The confidence of a prediction is the probability of its class. Confidences fall into `N_BINS` bins of equal width, each
open below and closed above. The expected calibration error is the mean distance between accuracy and mean confidence of
the bins, weighted by their rows: 0 is perfect, and of few rows it is too large, since chance alone moves every bin.

Temperature scaling divides the logits of all rows by one number, fitted to the validation rows: above 1 it takes
confidence away. It changes no order of classes, so the predictions stay the same.

References
----------
C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger: On Calibration of Modern Neural Networks, ICML 2017.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats, Ints, log_probabilities
from fmagc.evaluation.predictions import arrays_of, with_probabilities

__all__ = ["expected_calibration_error", "fit_temperature", "reliability", "tempered"]

N_BINS = 15  # as Guo et al.
TEMPERATURES = (0.1, 100.0)  # of the softmax; bounded, because a perfect validation score asks for 0


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


def reliability(labels: Ints, *, probabilities: Floats) -> list[dict[str, Any]]:
    """Describe each bin that has a row: ``low``, ``high``, ``rows``, mean ``confidence``, ``accuracy``.

    Parameters
    ----------
    labels : int [shape=(N,)]
    probabilities : float [shape=(N, K)]
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, N_BINS + 1)
    own_bin = np.searchsorted(edges[1:-1], confidence)
    return [
        {
            "low": float(edges[place]),
            "high": float(edges[place + 1]),
            "rows": int((own_bin == place).sum()),
            "confidence": float(confidence[own_bin == place].mean()),
            "accuracy": float(right[own_bin == place].mean()),
        }
        for place in np.unique(own_bin)
    ]


def fit_temperature(scores: Floats, *, labels: Ints) -> float:
    """Find the temperature of least log loss.

    Parameters
    ----------
    scores : float [shape=(N, K)]
        Logits, or anything whose softmax is meant to be a probability.
    labels : int [shape=(N,)]
    """
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        return float(-log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels].mean())

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
