"""The eight numbers that describe a classifier, from true labels and probabilities.

Conventions
-----------
Confusion matrices have the true class in the rows and the predicted class in the columns. The predicted class is the
most probable one, the first of equals. A ratio without a denominator is 0. Macro means run over the classes that have
at least one true row: a class without a true row says nothing about the model, and a resample of the artists
(`fmagc.evaluation.bootstrap`) may lack a class.

Metrics
-------
accuracy
    Share of rows whose predicted class is the true one.
macro_f1, macro_precision, macro_recall
    Means over classes of F1 = 2 TP / (2 TP + FP + FN), of TP / (TP + FP) and of TP / (TP + FN).
study_accuracy, study_f1
    As the reference work defines them: the mean over all K classes of the one-vs-rest accuracy (TP + TN) / n, and
    2 P R / (P + R) of the macro means P and R. The former is 1 - (1 - accuracy) * 2 / K: with 8 classes 0.90 means
    0.60.
top3
    Share of rows whose true class is among the three most probable ones.
log_loss
    Mean of -ln p(true class), in nats; p is at least `PROBABILITY_FLOOR`.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "METRICS",
    "PROBABILITY_FLOOR",
    "class_metrics",
    "confusion_counts",
    "count_metrics",
    "from_confusion",
    "log_odds",
    "log_probabilities",
    "metrics_of",
]

METRICS = (
    "accuracy",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "study_accuracy",
    "study_f1",
    "top3",
    "log_loss",
)
PROBABILITY_FLOOR = 5e-7  # a table of predictions with 6 decimals shows less as 0

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def metrics_of(labels: ArrayLike, *, probabilities: ArrayLike) -> dict[str, float]:
    """Describe one set of predictions by all `METRICS`.

    Parameters
    ----------
    labels : np.ndarray [shape=(N,), int64]
        True class indices, 0 to K - 1.
    probabilities : np.ndarray [shape=(N, K), float64]

    Raises
    ------
    ValueError
        When there are no rows, the shapes differ, a label is out of range or a probability is not finite.

    Examples
    --------
    >>> import fmagc
    >>> metrics = fmagc.metrics_of([0, 1, 1], probabilities=[[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> round(metrics["accuracy"], 3), round(metrics["macro_f1"], 3)
    (0.667, 0.667)
    """
    y = np.asarray(labels, dtype=np.int64)
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or y.shape != p.shape[:1] or not y.size:
        raise ValueError(f"expected labels (N,) and probabilities (N, K), found {y.shape} and {p.shape}")
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(f"expected labels from 0 to {p.shape[1] - 1}, found {y.min()} to {y.max()}")
    if not np.isfinite(p).all():
        raise ValueError(f"expected finite probabilities, found others in {int((~np.isfinite(p)).any(1).sum())} rows")
    p_true = p[np.arange(y.size), y]
    # the true class comes behind the more probable classes and behind equals of lower index, as argmax has it
    ahead = (p > p_true[:, None]) | ((p == p_true[:, None]) & (np.arange(p.shape[1]) < y[:, None]))
    return {
        **from_confusion(confusion_counts(y, predicted=p.argmax(axis=1), n_classes=p.shape[1])),
        "top3": float((ahead.sum(axis=1) < 3).mean()),
        "log_loss": float(-log_probabilities(p_true).mean()),
    }


def log_probabilities(probabilities: Floats) -> Floats:
    """Compute the logarithms of probabilities of any shape, in nats; those of a row are its logits up to a constant."""
    return np.asarray(np.log(np.maximum(probabilities, PROBABILITY_FLOOR)), dtype=np.float64)


def log_odds(probabilities: Floats) -> Floats:
    """Compute the logits of probabilities, each of a genre for itself; of any shape, in nats."""
    return log_probabilities(probabilities) - log_probabilities(1 - probabilities)


def from_confusion(matrix: ArrayLike) -> dict[str, float]:
    """Compute the six metrics that a confusion matrix alone decides.

    Parameters
    ----------
    matrix : np.ndarray [shape=(K, K), int64]
        Counts, rows true, columns predicted.

    Raises
    ------
    ValueError
        When the matrix is not square, holds a negative count or counts nothing.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1]:
        raise ValueError(f"expected a square confusion matrix, found the shape {counts.shape}")
    if (counts < 0).any() or counts.sum() == 0:
        raise ValueError(f"expected counts of at least one row, found {counts.sum():g} with minimum {counts.min():g}")
    return {name: float(value) for name, value in count_metrics(counts).items()}


def confusion_counts(labels: Ints, *, predicted: Ints, n_classes: int) -> Ints:
    """Count pairs of true and predicted classes.

    Parameters
    ----------
    labels, predicted : np.ndarray [shape=(N,), int64]
    n_classes : int
        K.

    Returns
    -------
    np.ndarray [shape=(K, K), int64]
    """
    pairs = np.bincount(labels * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes).astype(np.int64)


def count_metrics(counts: Floats) -> Mapping[str, Floats]:
    """Compute the metrics of many confusion matrices at once.

    Parameters
    ----------
    counts : np.ndarray [shape=(..., K, K), float64]
        Each matrix counts at least one row.

    Returns
    -------
    mapping of str to np.ndarray [shape=(...), float64]
        The six metrics that need no probabilities.
    """
    n_rows = counts.sum(axis=(-2, -1))
    hits, n_true, n_predicted = _margins(counts)
    by_class = class_metrics(counts)
    present = n_true > 0

    def macro(values: Floats) -> Floats:
        return np.asarray((values * present).sum(axis=-1) / present.sum(axis=-1), dtype=np.float64)

    precision, recall = macro(by_class["precision"]), macro(by_class["recall"])
    one_vs_rest = (n_rows[..., None] - n_true - n_predicted + 2 * hits) / n_rows[..., None]
    return {
        "accuracy": hits.sum(axis=-1) / n_rows,
        "macro_f1": macro(by_class["f1"]),
        "macro_precision": precision,
        "macro_recall": recall,
        "study_accuracy": one_vs_rest.mean(axis=-1),
        "study_f1": _ratio(2 * precision * recall, precision + recall),
    }


def class_metrics(counts: Floats) -> Mapping[str, Floats]:
    """Compute precision, recall and F1 of each class.

    Parameters
    ----------
    counts : np.ndarray [shape=(..., K, K), float64]

    Returns
    -------
    mapping of str to np.ndarray [shape=(..., K), float64]
        ``precision``, ``recall``, ``f1``.
    """
    hits, n_true, n_predicted = _margins(counts)
    return {
        "precision": _ratio(hits, n_predicted),
        "recall": _ratio(hits, n_true),
        "f1": _ratio(2 * hits, n_true + n_predicted),
    }


def _margins(counts: Floats) -> tuple[Floats, Floats, Floats]:
    """Return hits, true rows and predicted rows of each class, (..., K) each."""
    return np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1), counts.sum(axis=-2)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
