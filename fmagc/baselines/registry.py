"""Baselines: classical models on summary statistics of each clip, and one that reads no clip.

A baseline is a function that turns its settings into a `Recipe`: how a clip becomes a feature vector, and how a
classifier is fitted to such vectors. A new baseline is one such function, one block of settings in
`fmagc.params.evaluation` and one line in `BASELINES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fmagc.baselines.features import band_statistics, mfcc_statistics
from fmagc.errors import DataError
from fmagc.evaluation.calibration import fit_temperature
from fmagc.evaluation.metrics import Floats, Ints, confusion_counts, from_confusion
from fmagc.params.base import Block
from fmagc.params.evaluation import LogregMel, Majority, SvmMfcc
from fmagc.paths import AUDIT

__all__ = [
    "BASELINES",
    "Baseline",
    "Classifier",
    "Constant",
    "FittedMachine",
    "Recipe",
    "fit_constant",
    "fit_machine",
    "logistic_regression",
    "rbf_svm",
]

Machine = Any  # of scikit-learn, with fit and decision_function


class Classifier(Protocol):
    """A fitted baseline."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """Hyperparameters that were chosen on the validation rows."""

    def predict_proba(self, X: Floats) -> Floats:
        """Predict the probability of each class, (N, F) to (N, K)."""


class Fit(Protocol):
    """The function of a recipe that fits its classifier; see `fit_machine`."""

    def __call__(self, X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, n_classes: int) -> Classifier:
        """Fit to the training rows, and choose hyperparameters on the validation rows."""


@dataclass(frozen=True)
class Recipe:
    """The features and the fit of a baseline.

    Attributes
    ----------
    features : callable, or None
        np.ndarray [shape=(frames, bands), float64, absolute dB] to np.ndarray [shape=(F,), float64]; None where no
        clip is read.
    fit : Fit
    """

    features: Callable[[Floats], Floats] | None
    fit: Fit


@dataclass(frozen=True)
class Baseline:
    """An entry of the registry: the block of settings at `baselines.<name>`, and the function that makes its recipe."""

    settings: type[Block]
    recipe: Callable[[Any], Recipe]


@dataclass(frozen=True)
class Constant:
    """A classifier that gives every clip the shares of the genres in training: it always predicts the commonest."""

    shares: Floats

    @property
    def chosen(self) -> Mapping[str, float]:
        """No hyperparameters: nothing was chosen."""
        return {}

    def predict_proba(self, X: Floats) -> Floats:
        """Predict the same probabilities for each row, (N, F) to (N, K)."""
        return np.tile(self.shares, (len(X), 1))


@dataclass(frozen=True)
class FittedMachine:
    """A classifier of scikit-learn, on standardised features, that gives probabilities.

    They are the softmax of the decision values divided by one temperature, the one of least log loss on the validation
    rows (temperature scaling: C. Guo et al., On Calibration of Modern Neural Networks, 2017). That needs no random
    numbers and leaves the order of the classes alone: the most probable class is the one that the machine predicts.
    SVC's own probabilities (`probability=True`) are deprecated since scikit-learn 1.9, come from a random
    cross-validation that ignores artists, and may name another class than `predict` does.
    """

    scaler: StandardScaler
    machine: Machine
    C: float
    temperature: float

    @property
    def chosen(self) -> Mapping[str, float]:
        """Hyperparameters that were chosen on the validation rows."""
        return {"C": self.C, "temperature": self.temperature}

    def predict_proba(self, X: Floats) -> Floats:
        """Predict the probability of each class.

        Parameters
        ----------
        X : np.ndarray [shape=(N, F), float64]

        Returns
        -------
        np.ndarray [shape=(N, K), float64]
        """
        scores = _decision_values(self.machine, self.scaler.transform(X))
        return np.asarray(softmax(scores / self.temperature, axis=1), dtype=np.float64)


def fit_constant(X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, n_classes: int) -> Constant:
    """Count the genres of the training rows."""
    return Constant(np.bincount(y_train, minlength=n_classes) / len(y_train))


def fit_machine(
    X_train: Floats,
    y_train: Ints,
    X_val: Floats,
    y_val: Ints,
    *,
    n_classes: int,
    machine: Callable[[float], Machine],
    C: Sequence[float],
) -> FittedMachine:
    """Fit a machine with a penalty C on standardised features.

    The C with the best macro-F1 on the validation rows is taken, the smallest of equals; the machine stays fitted to
    the training rows alone, as the networks are.

    Parameters
    ----------
    X_train, X_val : np.ndarray [shape=(N, F), float64]
    y_train, y_val : np.ndarray [shape=(N,), int64]
        Class indices, 0 to K - 1.
    n_classes : int
        K.
    machine : callable
        Makes an unfitted classifier of a C.
    C : sequence of float > 0
        Penalties to try.

    Raises
    ------
    DataError
        When a class has no training row, or there is no validation row.
    """
    missing = sorted(set(range(n_classes)) - set(y_train.tolist()))
    if missing:
        raise DataError(
            f"baseline: expected training clips of all {n_classes} genres, found none of the genres number "
            f"{', '.join(map(str, missing))} (alphabetical order, from 0). See {AUDIT}."
        )
    if not len(y_val):
        raise DataError(f"baseline: expected validation clips to choose C on, found none. See {AUDIT}.")
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_val = scaler.transform(X_train), scaler.transform(X_val)
    best: tuple[float, float, Machine, Floats] | None = None
    for penalty in sorted(C):
        fitted = machine(penalty).fit(Z_train, y_train)
        scores = _decision_values(fitted, Z_val)
        counts = confusion_counts(y_val, predicted=scores.argmax(axis=1), n_classes=n_classes)
        score = from_confusion(counts)["macro_f1"]
        if best is None or score > best[0]:
            best = score, penalty, fitted, scores
    if best is None:
        raise DataError("baseline: expected at least one C to try, found none.")
    _, penalty, fitted, scores = best
    return FittedMachine(scaler=scaler, machine=fitted, C=penalty, temperature=fit_temperature(scores, labels=y_val))


def logistic_regression(C: float) -> Machine:
    """Make a multinomial logistic regression."""
    return LogisticRegression(C=C, max_iter=10_000)


def rbf_svm(C: float) -> Machine:
    """Make a support vector machine with an RBF kernel."""
    # break_ties: equal votes are decided by the decision values, so that its predict is their argmax
    return SVC(C=C, kernel="rbf", gamma="scale", break_ties=True)


def majority(settings: Majority) -> Recipe:
    """Make the recipe that always predicts the commonest genre: the score of a model without any skill."""
    return Recipe(features=None, fit=fit_constant)


def logreg_mel(settings: LogregMel) -> Recipe:
    """Make the recipe of a logistic regression on the mean and the deviation of each mel band."""
    return Recipe(features=band_statistics, fit=partial(fit_machine, machine=logistic_regression, C=settings.C))


def svm_mfcc(settings: SvmMfcc) -> Recipe:
    """Make the recipe of the RBF support vector machine on MFCC statistics, the baseline that the field uses."""
    features = partial(mfcc_statistics, n_mfcc=settings.n_mfcc)
    return Recipe(features=features, fit=partial(fit_machine, machine=rbf_svm, C=settings.C))


BASELINES: Mapping[str, Baseline] = {
    "majority": Baseline(settings=Majority, recipe=majority),
    "logreg_mel": Baseline(settings=LogregMel, recipe=logreg_mel),
    "svm_mfcc": Baseline(settings=SvmMfcc, recipe=svm_mfcc),
}


def _decision_values(machine: Machine, Z: Floats) -> Floats:
    """Compute a decision value for each class, (N, F) to (N, K); scikit-learn gives two classes a single column."""
    values = np.asarray(machine.decision_function(Z), dtype=np.float64)
    return np.stack([-values, values], axis=1) if values.ndim == 1 else values
