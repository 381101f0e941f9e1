"""The eight metrics against the reference work's tables and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from fmagc.evaluation.metrics import METRICS, from_confusion, metrics_of

# The reference work's confusion matrices on 800 test clips (rows true) and what it published beside them: accuracy
# (one-vs-rest), precision, recall, F1 of their means; then plain accuracy and the usual macro-F1 of the same matrices,
# which it did not publish: scikit-learn's numbers for the 800 rows.
REFERENCE = {
    "cnn1d": (
        "37 7 2 14 6 6 5 7 / 5 35 11 6 17 8 3 9 / 0 5 61 1 6 2 10 7 / 4 1 1 67 1 5 7 4 / 0 14 18 1 61 2 13 9 / "
        "7 1 14 7 1 56 11 5 / 3 7 13 8 4 12 32 26 / 1 3 11 1 6 4 7 82",
        (0.88, 0.54, 0.54, 0.54),
        (0.539, 0.532),
    ),
    "cnn2d": (
        "44 13 0 16 3 3 3 2 / 6 50 8 7 3 12 2 6 / 0 6 69 1 5 4 2 5 / 8 0 1 75 0 2 3 1 / 7 15 11 0 69 3 6 7 / "
        "5 1 5 12 1 72 2 4 / 7 9 12 12 7 14 19 25 / 4 6 7 2 1 4 8 83",
        (0.90, 0.59, 0.60, 0.60),
        (0.601, 0.584),
    ),
    "crnn": (
        "54 11 0 5 4 5 5 0 / 7 57 2 1 9 9 2 7 / 1 6 60 0 5 9 6 5 / 11 2 0 66 0 4 4 3 / 8 17 14 1 65 4 2 7 / "
        "7 3 2 4 2 77 2 5 / 10 16 9 5 3 13 27 22 / 3 11 8 2 4 3 9 75",
        (0.90, 0.60, 0.61, 0.60),
        (0.601, 0.596),
    ),
    "mmcrnn": (
        "40 8 2 5 7 12 6 4 / 4 48 8 3 9 13 3 6 / 0 3 68 0 4 8 6 3 / 6 2 1 67 0 6 7 1 / 4 15 28 0 59 3 6 3 / "
        "5 3 7 2 3 80 2 0 / 9 11 25 2 4 15 27 12 / 2 7 7 2 1 8 22 66",
        (0.89, 0.58, 0.57, 0.58),
        (0.569, 0.565),
    ),
}


@pytest.mark.parametrize("model", REFERENCE)
def test_reference_matrices_give_its_published_numbers(model):
    text, published, usual = REFERENCE[model]
    matrix = np.array([[int(cell) for cell in row.split()] for row in text.split("/")])
    assert matrix.sum() == 800
    found = from_confusion(matrix)
    names = ("study_accuracy", "macro_precision", "macro_recall", "study_f1")
    assert tuple(round(found[name], 2) for name in names) == published
    assert tuple(round(found[name], 3) for name in ("accuracy", "macro_f1")) == usual
    y, predicted = (np.repeat(indices, matrix.ravel()) for indices in np.indices(matrix.shape).reshape(2, -1))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, predicted), abs=1e-12)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(y, predicted, average="macro"), abs=1e-12)


def _random(n_rows, n_classes, *, labels=None, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_rows) if labels is None else rng.choice(labels, n_rows)
    p = rng.dirichlet(np.full(n_classes, 0.7), n_rows)
    p = 0.999 * p + 0.001 / n_classes  # nothing below the floor
    return y, p


@pytest.mark.parametrize(
    ("n_classes", "labels"),
    [(8, None), (8, [0, 1, 2, 4, 5, 6, 7]), (8, [6]), (3, None), (2, None), (16, None)],
    ids=["eight", "one absent", "one alone", "three", "two", "sixteen"],
)
def test_metrics_agree_with_scikit_learn(n_classes, labels):
    y, p = _random(200, n_classes, labels=labels)
    predicted = p.argmax(1)
    macro = {"labels": np.unique(y), "average": "macro", "zero_division": 0}
    P, R = sk.precision_score(y, predicted, **macro), sk.recall_score(y, predicted, **macro)
    one_vs_rest = [sk.accuracy_score(y == k, predicted == k) for k in range(n_classes)]
    every = np.arange(n_classes)
    top3 = sk.top_k_accuracy_score(y, p, k=3, labels=every) if n_classes > 3 else 1.0
    expected = {
        "accuracy": sk.accuracy_score(y, predicted),
        "macro_f1": sk.f1_score(y, predicted, **macro),
        "macro_precision": P,
        "macro_recall": R,
        "study_accuracy": np.mean(one_vs_rest),
        "study_f1": 2 * P * R / (P + R),
        "top3": top3,
        "log_loss": sk.log_loss(y, p, labels=every),
    }
    found = metrics_of(y, probabilities=p)
    assert tuple(found) == METRICS
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_never_predicted_has_precision_zero():
    found = metrics_of([0, 1], probabilities=[[0.9, 0.1], [0.8, 0.2]])
    assert found["macro_precision"] == 0.25
    assert found["macro_recall"] == 0.5


def test_all_wrong_is_zero_and_not_nan():
    found = metrics_of([0, 1], probabilities=[[0.0, 1.0], [1.0, 0.0]])
    assert found["macro_f1"] == found["study_f1"] == found["accuracy"] == 0
    assert found["log_loss"] == pytest.approx(-np.log(5e-7))


def test_equals_rank_as_argmax_ranks_them():
    p = np.full((5, 5), 0.2)
    expected = {0: (1, 1), 1: (0, 1), 2: (0, 1), 3: (0, 0), 4: (0, 0)}
    for label, numbers in expected.items():
        found = metrics_of([label] * 5, probabilities=p)
        assert (found["accuracy"], found["top3"]) == numbers


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([], np.empty((0, 2)), "expected labels"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "from 0 to 1, found 0 to 2"),
        ([0], [[np.nan, 1.0]], "finite"),
        ([0, 1], [[0.5, 0.5]], r"\(2,\) and \(1, 2\)"),
    ],
)
def test_wrong_arrays_are_refused(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics_of(labels, probabilities=probabilities)


@pytest.mark.parametrize(
    ("matrix", "message"), [([[1, 2, 3]], "square"), ([[0, 0], [0, 0]], "at least one row"), ([[1, -1], [0, 1]], "-1")]
)
def test_wrong_matrices_are_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        from_confusion(matrix)
