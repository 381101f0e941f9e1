"""The baselines: their features, how they are fitted, what they say."""

import warnings
from functools import partial

import librosa
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score, log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fmagc.baselines.decisions import DECISIONS
from fmagc.baselines.features import band_statistics, mfcc_statistics
from fmagc.baselines.fitting import fit_constant, fit_machine
from fmagc.baselines.registry import BASELINES, logistic_regression, rbf_svm
from fmagc.errors import DataError, SettingsError
from fmagc.params.evaluation import Compare, Evaluate, SvmMfcc
from fmagc.tasks.task import TASKS
from tests.support.labels import multi, single

fit_svm = partial(fit_machine, machine=rbf_svm)
fit_logreg = partial(fit_machine, machine=logistic_regression)


def classes(n):
    return single("abcdefgh"[:n])


def test_statistics_are_those_of_librosa_and_scipy():
    rng = np.random.default_rng(0)
    S_db = rng.normal(-40, 12, (512, 128)).astype(np.float32)
    found = mfcc_statistics(S_db, n_mfcc=20).reshape(7, 20)
    mfcc = librosa.feature.mfcc(S=S_db.T.astype(np.float64), n_mfcc=20)
    for k in (0, 7, 19):
        c = mfcc[k]
        expected = [c.mean(), c.std(), stats.skew(c), stats.kurtosis(c), np.median(c), c.min(), c.max()]
        assert found[:, k] == pytest.approx(expected, abs=1e-9)


def test_loudness_moves_the_first_coefficient_alone():
    S_db = np.random.default_rng(0).normal(-40, 12, (64, 32))
    change = (mfcc_statistics(S_db + 10, n_mfcc=5) - mfcc_statistics(S_db, n_mfcc=5)).reshape(7, 5)
    assert change[[0, 4, 5, 6], 0] == pytest.approx(10 * np.sqrt(32))  # the orthonormal DCT of a constant
    assert change[:, 1:] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("level", [-80.0, -33.333333, 0.0])
def test_silence_has_statistics(level):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = mfcc_statistics(np.full((512, 128), level, dtype=np.float32), n_mfcc=20)
    assert np.isfinite(found).all()
    assert found[20:80] == pytest.approx(0, abs=1e-9)  # no spread, no skewness, no kurtosis


@pytest.mark.parametrize(
    ("S_db", "message"),
    [(np.zeros((512, 12)), r"\(512, 12\).*n_mfcc"), (np.full((64, 32), np.nan), "2048 other values")],
)
def test_spectrograms_that_have_no_mfcc_are_refused(S_db, message):
    with pytest.raises(DataError, match=message):
        mfcc_statistics(S_db, n_mfcc=20)


def _clusters(n_classes, *, n=160, spread=1.6, seed=0):
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(9).normal(size=(n_classes, 6)) * 1.5
    y = np.arange(n) % n_classes
    X = centres[y] + rng.normal(0, spread, (n, 6))
    return X * np.array([1, 10, 100, 0.1, 1, 0]), y  # scales that standardisation must even out, one constant


@pytest.mark.parametrize("n_classes", [2, 3, 8])
def test_the_most_probable_class_is_what_scikit_learn_predicts(n_classes):
    X_train, y_train = _clusters(n_classes)
    X_val, y_val = _clusters(n_classes, seed=1)
    X_test, y_test = _clusters(n_classes, n=2000, seed=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fitted = fit_svm(X_train, y_train, X_val, y_val, labels=classes(n_classes), C=[1.0])
        p = fitted.predict_proba(X_test)
    assert p.shape == (2000, n_classes)
    assert p.sum(axis=1) == pytest.approx(1)
    scaler = StandardScaler().fit(X_train)
    machine = SVC(C=1.0, gamma="scale", break_ties=True).fit(scaler.transform(X_train), y_train)
    assert np.array_equal(p.argmax(axis=1), machine.predict(scaler.transform(X_test)))
    assert np.array_equal(p.argmax(axis=1), fitted.decisions.machine.predict(fitted.scaler.transform(X_test)))
    assert (p.argmax(axis=1) == y_test).mean() > 1.5 / n_classes
    # probabilities that say more than the class frequencies do
    assert log_loss(y_test, p) < np.log(n_classes)


def test_c_is_the_best_on_validation_and_the_smallest_of_equals():
    X_train, y_train = _clusters(4)
    X_val, y_val = _clusters(4, seed=1)
    scaler = StandardScaler().fit(X_train)
    grid = [100.0, 0.001, 1.0]
    scores = {}
    for C in grid:
        machine = SVC(C=C, gamma="scale", break_ties=True).fit(scaler.transform(X_train), y_train)
        scores[C] = f1_score(y_val, machine.predict(scaler.transform(X_val)), average="macro")
    assert len(set(scores.values())) > 1
    fitted = fit_svm(X_train, y_train, X_val, y_val, labels=classes(4), C=grid)
    assert fitted.chosen["C"] == max(grid, key=scores.__getitem__)
    apart, y = _clusters(4, spread=1e-3)
    assert fit_svm(apart, y, apart, y, labels=classes(4), C=[10.0, 1.0]).chosen["C"] == 1.0


def test_temperature_is_the_best_on_validation():
    X_train, y_train = _clusters(4)
    X_val, y_val = _clusters(4, seed=1)
    fitted = fit_svm(X_train, y_train, X_val, y_val, labels=classes(4), C=[1.0])
    at_best = log_loss(y_val, fitted.predict_proba(X_val))
    for factor in (0.8, 1.25):
        logits = np.log(fitted.predict_proba(X_val)) / factor
        other = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert log_loss(y_val, other) > at_best


def test_fitting_twice_gives_the_same_probabilities():
    X, y = _clusters(4)
    first, second = (fit_svm(X, y, *_clusters(4, seed=1), labels=classes(4), C=[1.0, 10.0]) for _ in range(2))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.chosen == second.chosen


def test_a_genre_without_training_clips_is_refused():
    X, y = _clusters(4)
    with pytest.raises(DataError, match="all 5 genres, found none of the genres number 4"):
        fit_svm(X, y, X, y, labels=classes(5), C=[1.0])
    with pytest.raises(DataError, match="validation clips to choose C on, found none"):
        fit_svm(X, y, X[:0], y[:0], labels=classes(4), C=[1.0])


def test_band_statistics_are_means_then_deviations():
    S_db = np.random.default_rng(0).normal(-40, 12, (512, 128)).astype(np.float16)
    found = band_statistics(S_db)
    assert found.shape == (256,)
    assert found[:128] == pytest.approx(np.mean(S_db, axis=0, dtype=np.float64))
    assert found[128:] == pytest.approx(np.std(S_db, axis=0, dtype=np.float64))
    assert band_statistics(S_db.astype(np.float64) + 10) - found == pytest.approx([10] * 128 + [0] * 128, abs=1e-9)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_logistic_regression_names_what_scikit_learn_names(n_classes):
    X_train, y_train = _clusters(n_classes)
    X_test, y_test = _clusters(n_classes, n=2000, seed=2)
    fitted = fit_logreg(X_train, y_train, *_clusters(n_classes, seed=1), labels=classes(n_classes), C=[0.001, 0.1])
    scaler = StandardScaler().fit(X_train)
    plain = LogisticRegression(C=fitted.chosen["C"], max_iter=10_000).fit(scaler.transform(X_train), y_train)
    p = fitted.predict_proba(X_test)
    assert np.array_equal(p.argmax(axis=1), plain.predict(scaler.transform(X_test)))
    assert log_loss(y_test, p) < np.log(n_classes)


def test_majority_gives_every_clip_the_shares_of_training():
    y_train = np.array([1, 1, 0, 1])
    fitted = fit_constant(np.empty((4, 0)), y_train, np.empty((1, 0)), np.array([2]), labels=classes(3))
    assert fitted.predict_proba(np.empty((2, 0))).tolist() == [[0.25, 0.75, 0.0]] * 2


def test_every_baseline_goes_from_clips_to_probabilities():
    rng = np.random.default_rng(0)
    y = np.arange(30) % 3
    clips = [rng.normal(-40 + 8 * label, 3 + label, (64, 32)).astype(np.float32) for label in y]
    examples = {"majority": {}, "logreg_mel": {"C": [0.1, 1.0]}, "svm_mfcc": {"n_mfcc": 13, "C": [1.0, 10.0]}}
    assert set(examples) == set(BASELINES)
    for name, baseline in BASELINES.items():
        recipe = baseline.recipe(baseline.settings.model_validate(examples[name]))
        X = np.stack([recipe.features(S_db) for S_db in clips]) if recipe.features else np.empty((30, 0))
        fitted = recipe.fit(X[:15], y[:15], X[15:24], y[15:24], labels=classes(3))
        p = fitted.predict_proba(X[24:])
        assert p.shape == (6, 3)
        assert (p.argmax(axis=1) == y[24:]).mean() > 0.6 or name == "majority"
        assert all(isinstance(value, float) for value in fitted.chosen.values())


SETS = ["a", "a;b", "a;b;d", "b", "c", "d"]  # each but c on its own and with others


def _overlapping(*, n=240, seed=0, genres=None):
    """Make rows that carry one to three genres, each of which moves features of its own."""
    labels = multi(SETS, genres=genres)
    rng = np.random.default_rng(seed)
    codes = rng.integers(len(SETS), size=n)
    X = labels.members[codes] @ np.random.default_rng(9).normal(size=(len(labels.genres), 6)) * 2
    return X + rng.normal(0, 1, (n, 6)), codes, labels


@pytest.mark.parametrize("make", [logistic_regression, rbf_svm])
def test_each_genre_has_the_machine_that_scikit_learn_fits_to_it_alone(make):
    X_train, y_train, labels = _overlapping()
    X_val, y_val, _ = _overlapping(seed=1)
    fitted = fit_machine(X_train, y_train, X_val, y_val, labels=labels, machine=make, C=[1.0])
    p = fitted.predict_proba(X_val)
    scaler = StandardScaler().fit(X_train)
    logits = np.log(p) - np.log1p(-p)
    for k in range(4):
        alone = make(1.0).fit(scaler.transform(X_train), labels.members[y_train][:, k])
        expected = (alone.decision_function(scaler.transform(X_val)) - fitted.chosen["shift"]) / fitted.chosen[
            "temperature"
        ]
        assert logits[:, k] == pytest.approx(expected)
    shares = np.tile(labels.members[y_train].mean(axis=0), (len(p), 1))
    assert log_loss_of_each(labels.members[y_val], p) < log_loss_of_each(labels.members[y_val], shares)


def log_loss_of_each(carried, p):
    return -(carried * np.log(p) + ~carried * np.log(1 - p)).sum(axis=1).mean()


def test_c_of_several_genres_is_of_the_best_mean_average_precision_on_validation():
    X_train, y_train, labels = _overlapping(n=40)
    X_val, y_val, _ = _overlapping(seed=1)
    grid, scores = [100.0, 0.001, 1.0], {}
    for C in grid:
        fitted = fit_logreg(X_train, y_train, X_val, y_val, labels=labels, C=[C])
        scores[C] = average_precision_score(labels.members[y_val], fitted.predict_proba(X_val), average="macro")
    assert len(set(scores.values())) == 3
    chosen = fit_logreg(X_train, y_train, X_val, y_val, labels=labels, C=grid).chosen
    assert chosen["C"] == max(grid, key=scores.__getitem__)


@pytest.mark.parametrize("make", [logistic_regression, rbf_svm])
def test_shift_and_temperature_are_the_best_on_validation(make):
    X_val, y_val, labels = _overlapping(seed=1)
    fitted = fit_machine(*_overlapping()[:2], X_val, y_val, labels=labels, machine=make, C=[1.0])
    p, carried = fitted.predict_proba(X_val), labels.members[y_val]
    at_best, logits = log_loss_of_each(carried, p), np.log(p) - np.log1p(-p)
    for others in (logits * 1.1, logits / 1.1, logits + 0.1, logits - 0.1):
        assert log_loss_of_each(carried, 1 / (1 + np.exp(-others))) > at_best


def test_a_genre_that_all_training_rows_have_or_none_gets_its_share():
    X, y, _ = _overlapping()
    rows = np.isin(y, [0, 1])  # a, and a;b
    labels = multi(SETS, genres=["a", "b", "c", "d", "e"])
    fitted = fit_logreg(X[rows], y[rows], X, y, labels=labels, C=[0.1, 1.0])
    p = fitted.predict_proba(X)
    assert list(fitted.decisions.machines) == [1]
    assert p[:, [0, 2, 3, 4]].tolist() == [[1, 0, 0, 0]] * len(X)
    assert len(np.unique(p[:, 1])) == len(X)


def test_majority_of_several_genres_gives_each_its_share():
    labels = multi(SETS)
    fitted = fit_constant(np.empty((4, 0)), np.array([0, 1, 2, 5]), np.empty((1, 0)), np.array([2]), labels=labels)
    assert fitted.predict_proba(np.empty((1, 0))).tolist() == [[0.75, 0.5, 0.0, 0.5]]


def test_machines_of_kernels_that_would_take_hours_are_refused():
    recipe = BASELINES["svm_mfcc"].recipe(SvmMfcc(n_mfcc=13, C=[1.0]))
    recipe.require("svm_mfcc", 80_000, labels=multi(SETS))
    recipe.require("svm_mfcc", 160_000, labels=classes(8))  # one machine, whatever the number of classes
    message = "svm_mfcc: expected at most 30 billion pairs .* found 102 billion: the square of 160,000 clips, times 4"
    with pytest.raises(DataError, match=message):
        recipe.require("svm_mfcc", 160_000, labels=multi(SETS))
    BASELINES["majority"].recipe(None).require("majority", 10**9, labels=multi(SETS))


def test_each_task_has_its_decisions():
    assert set(DECISIONS) == set(TASKS)


@pytest.mark.parametrize(
    ("block", "text", "message"),
    [
        (Evaluate, "evaluate: {clips: 0, bootstrap: 1000}", r"evaluate\.clips: expected"),
        (Evaluate, "evaluate: {clips: 3, bootstraps: 9}", "Did you mean bootstrap"),
        (Evaluate, "evaluate: {crop: centre}", r"evaluate\.crop: expected 'even' or 'random', found 'centre'"),
        (SvmMfcc, "svm: {n_mfcc: 20, C: []}", r"svm\.C: expected"),
        (SvmMfcc, "svm: {n_mfcc: 20, C: [1.0, -1.0]}", r"svm\.C\.1: expected"),
        (Compare, "compare: {focus: crnn}", r"compare\.protocol: expected this key"),
    ],
)
def test_wrong_settings_are_named(block, text, message, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=message):
        block.load(text.split(":")[0], path=path)
