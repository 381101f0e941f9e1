"""Calibration error and temperature against scikit-learn and against what is true by construction."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss

from fmagc.evaluation.calibration import (
    TEMPERATURES,
    error_by_chance,
    expected_calibration_error,
    fit_temperature,
    reliability,
    temperature_text,
)
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import SCORINGS
from tests.support.predictions import predictions_of

tempered, temperature_interval = SCORINGS["single"].tempered, SCORINGS["single"].temperature_interval


def said(p, labels):
    """Return the confidence of each row, and whether it is right."""
    return p.max(axis=1), p.argmax(axis=1) == labels


def drawn(n_rows, *, temperature, n_classes=5, seed=0):
    """Draw logits, and labels that follow their softmax at a temperature."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (n_rows, n_classes))
    chances = softmax(scores / temperature, axis=1).cumsum(axis=1)
    return scores, (rng.random((n_rows, 1)) > chances).sum(axis=1)


def table(scores, labels, *, sets=None, artists=None, seed=0):
    return predictions_of(
        softmax(scores, axis=1),
        protocol="official",
        model="crnn",
        seed=seed,
        track_ids=np.arange(len(labels)),
        artist_ids=np.arange(len(labels)) if artists is None else artists,
        sets=sets or ["val"] * len(labels),
        clips=np.zeros(len(labels)),
        labels=labels,
        genres=["Blues", "Folk", "Jazz", "Pop", "Rock"],
    )


@pytest.mark.parametrize(("n_rows", "n_classes"), [(500, 5), (40, 2), (7, 8)])
def test_error_is_that_of_scikit_learns_bins(n_rows, n_classes):
    scores, labels = drawn(n_rows, temperature=2, n_classes=n_classes)
    p = softmax(scores, axis=1)
    right, confidence = p.argmax(axis=1) == labels, p.max(axis=1)
    accuracy, mean = calibration_curve(right, confidence, n_bins=15)
    counts = np.histogram(confidence, bins=np.linspace(0, 1, 16))[0]
    weights = counts[counts > 0] / n_rows
    found = expected_calibration_error(*said(p, labels))
    assert found == pytest.approx((weights * np.abs(accuracy - mean)).sum(), abs=1e-12)


def test_bins_are_closed_above_and_hold_every_row():
    p = np.array([[1.0, 0.0], [0.6, 0.4], [0.5, 0.5], [0.65, 0.35]])
    bins = reliability(*said(p, np.array([0, 1, 0, 0])))
    assert [(round(row["low"] * 15), round(row["high"] * 15), row["rows"]) for row in bins] == [
        (7, 8, 1),
        (8, 9, 1),
        (9, 10, 1),
        (14, 15, 1),
    ]
    assert [row["accuracy"] for row in bins] == [1, 0, 1, 1]


def test_who_is_right_as_often_as_claimed_has_no_error_and_who_boasts_has():
    scores, labels = drawn(40_000, temperature=1)
    assert expected_calibration_error(*said(softmax(scores, axis=1), labels)) < 0.012
    assert expected_calibration_error(*said(softmax(3 * scores, axis=1), labels)) > 0.1


def test_the_error_by_chance_is_that_of_labels_drawn_from_the_probabilities():
    errors = []
    for seed in range(300):
        scores, labels = drawn(48, temperature=1, seed=seed)
        p = softmax(scores, axis=1)
        errors.append(expected_calibration_error(*said(p, labels)) - error_by_chance(p.max(axis=1)))
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(len(errors))
    assert error_by_chance(softmax(drawn(40_000, temperature=1)[0], axis=1).max(axis=1)) < 0.012


def test_rows_count_as_often_as_they_weigh():
    scores, labels = drawn(60, temperature=2)
    times = np.random.default_rng(1).integers(0, 4, 60)
    repeated = fit_temperature(np.repeat(scores, times, axis=0), labels=np.repeat(labels, times))
    assert fit_temperature(scores, labels=labels, weights=times) == pytest.approx(repeated, rel=1e-4)


@pytest.mark.slow
def test_the_interval_of_the_temperature_holds_the_truth_as_often_as_it_says():
    held = 0
    for seed in range(60):
        scores, labels = drawn(150, temperature=1.5, seed=seed)
        low, high = temperature_interval(table(scores, labels, artists=np.arange(150) // 2))
        held += low <= 1.5 <= high
    assert held / 60 > 0.85


def test_the_interval_is_of_artists_and_of_seeds():
    scores, labels = drawn(60, temperature=1.5)
    low, high = temperature_interval(table(scores, labels))
    again = np.repeat(np.arange(60), 20)  # each track twenty times, all by one artist: no more is known than before
    found = temperature_interval(table(scores[again], labels[again], artists=again))
    assert found == pytest.approx((low, high), rel=1e-3)
    both = temperature_interval(Predictions.concatenate([table(scores, labels), table(scores / 3, labels, seed=1)]))
    assert both[0] < low / 2
    assert temperature_interval(table(scores, labels, artists=np.zeros(60))) == TEMPERATURES


def test_a_temperature_at_the_bounds_of_the_search_is_none():
    assert temperature_text({"temperature": [1.25, 0.5], "temperature_interval": [0.4, 2]}) == "1.25, 0.50 [0.40, 2.00]"
    scores, labels = drawn(200, temperature=1)
    hopeless = fit_temperature(scores, labels=np.roll(labels, 1))
    assert temperature_text({"temperature": [hopeless], "temperature_interval": [1, 100]}) == "none found"


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_of_the_labels_is_found(true):
    scores, labels = drawn(40_000, temperature=true)
    assert fit_temperature(scores, labels=labels) == pytest.approx(true, rel=0.03)


class Scores(ClassifierMixin, BaseEstimator):
    """A classifier whose decision values are its input."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return self.classes_[X.argmax(axis=1)]


def test_temperature_is_that_of_scikit_learn():
    scores, labels = drawn(300, temperature=2)
    fitted = FrozenEstimator(Scores().fit(scores, labels))
    expected = CalibratedClassifierCV(fitted, method="temperature").fit(scores, labels).predict_proba(scores)
    found = softmax(scores / fit_temperature(scores, labels=labels), axis=1)
    assert log_loss(labels, found) <= log_loss(labels, expected) + 1e-6
    assert found == pytest.approx(expected, abs=2e-3)


def test_each_seed_has_its_own_temperature_from_its_validation_rows():
    scores, labels = drawn(4000, temperature=1)
    sets = ["val"] * 2000 + ["test"] * 2000
    seeds = [table(factor * scores, labels, sets=sets, seed=seed) for seed, factor in ((3, 2.0), (4, 0.5))]
    temperatures, test = tempered(Predictions.concatenate(seeds))
    assert list(temperatures) == [3, 4]
    assert temperatures[3] == pytest.approx(2, rel=0.1)
    assert temperatures[4] == pytest.approx(0.5, rel=0.1)
    assert set(test.sets) == {"test"}
    assert len(test.labels) == 4000
    found, p = test.labels, test.probabilities
    assert p[:2000] == pytest.approx(p[2000:], abs=0.02)  # scaled, both say the same
    assert (p[:2000].argmax(axis=1) == scores[2000:].argmax(axis=1)).all()
    assert found.tolist() == [*labels[2000:], *labels[2000:]]


def test_labels_of_the_test_rows_do_not_move_the_temperature():
    scores, labels = drawn(200, temperature=1)
    sets = ["val"] * 100 + ["test"] * 100
    other = np.concatenate([labels[:100], (labels[100:] + 1) % 5])
    assert tempered(table(scores, labels, sets=sets))[0] == tempered(table(scores, other, sets=sets))[0]
