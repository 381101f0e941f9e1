"""The baselines: their features, how they are fitted, what they say."""

import warnings
from functools import partial

import librosa
import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, log_loss
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fmagc.baselines.features import band_statistics, mfcc_statistics
from fmagc.baselines.registry import BASELINES, fit_constant, fit_machine, logistic_regression, rbf_svm
from fmagc.errors import DataError, SettingsError
from fmagc.params.evaluation import Compare, Evaluate, SvmMfcc

fit_svm = partial(fit_machine, machine=rbf_svm)
fit_logreg = partial(fit_machine, machine=logistic_regression)


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
        fitted = fit_svm(X_train, y_train, X_val, y_val, n_classes=n_classes, C=[1.0])
        p = fitted.predict_proba(X_test)
    assert p.shape == (2000, n_classes)
    assert p.sum(axis=1) == pytest.approx(1)
    scaler = StandardScaler().fit(X_train)
    machine = SVC(C=1.0, gamma="scale", break_ties=True).fit(scaler.transform(X_train), y_train)
    assert np.array_equal(p.argmax(axis=1), machine.predict(scaler.transform(X_test)))
    assert np.array_equal(p.argmax(axis=1), fitted.machine.predict(fitted.scaler.transform(X_test)))
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
    fitted = fit_svm(X_train, y_train, X_val, y_val, n_classes=4, C=grid)
    assert fitted.chosen["C"] == max(grid, key=scores.__getitem__)
    apart, y = _clusters(4, spread=1e-3)
    assert fit_svm(apart, y, apart, y, n_classes=4, C=[10.0, 1.0]).chosen["C"] == 1.0


def test_temperature_is_the_best_on_validation():
    X_train, y_train = _clusters(4)
    X_val, y_val = _clusters(4, seed=1)
    fitted = fit_svm(X_train, y_train, X_val, y_val, n_classes=4, C=[1.0])
    at_best = log_loss(y_val, fitted.predict_proba(X_val))
    for factor in (0.8, 1.25):
        logits = np.log(fitted.predict_proba(X_val)) / factor
        other = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert log_loss(y_val, other) > at_best


def test_fitting_twice_gives_the_same_probabilities():
    X, y = _clusters(4)
    first, second = (fit_svm(X, y, *_clusters(4, seed=1), n_classes=4, C=[1.0, 10.0]) for _ in range(2))
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))
    assert first.chosen == second.chosen


def test_a_genre_without_training_clips_is_refused():
    X, y = _clusters(4)
    with pytest.raises(DataError, match="all 5 genres, found none of the genres number 4"):
        fit_svm(X, y, X, y, n_classes=5, C=[1.0])
    with pytest.raises(DataError, match="validation clips to choose C on, found none"):
        fit_svm(X, y, X[:0], y[:0], n_classes=4, C=[1.0])


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
    fitted = fit_logreg(X_train, y_train, *_clusters(n_classes, seed=1), n_classes=n_classes, C=[0.001, 0.1])
    scaler = StandardScaler().fit(X_train)
    plain = LogisticRegression(C=fitted.chosen["C"], max_iter=10_000).fit(scaler.transform(X_train), y_train)
    p = fitted.predict_proba(X_test)
    assert np.array_equal(p.argmax(axis=1), plain.predict(scaler.transform(X_test)))
    assert log_loss(y_test, p) < np.log(n_classes)


def test_majority_gives_every_clip_the_shares_of_training():
    y_train = np.array([1, 1, 0, 1])
    fitted = fit_constant(np.empty((4, 0)), y_train, np.empty((1, 0)), np.array([2]), n_classes=3)
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
        fitted = recipe.fit(X[:15], y[:15], X[15:24], y[15:24], n_classes=3)
        p = fitted.predict_proba(X[24:])
        assert p.shape == (6, 3)
        assert (p.argmax(axis=1) == y[24:]).mean() > 0.6 or name == "majority"
        assert all(isinstance(value, float) for value in fitted.chosen.values())


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
