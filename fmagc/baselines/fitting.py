"""Fit the classifiers of the baselines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from sklearn.preprocessing import StandardScaler

from fmagc.baselines.decisions import DECISIONS, Decisions, Machine
from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.paths import AUDIT
from fmagc.tasks.labels import Labels

__all__ = ["Classifier", "Constant", "Fit", "FittedMachine", "fit_constant", "fit_machine"]


class Classifier(Protocol):
    """A fitted baseline."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """Hyperparameters that were chosen on the validation rows."""

    def predict_proba(self, X: Floats) -> Floats:
        """Predict the probability of each genre, (N, F) to (N, K)."""


class Fit(Protocol):
    """The function of a recipe that fits its classifier; see `fit_machine`."""

    def __call__(self, X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, labels: Labels) -> Classifier:
        """Fit to the training rows, and choose hyperparameters on the validation rows."""


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
    """A classifier of scikit-learn, on standardised features, that gives calibrated probabilities."""

    scaler: StandardScaler
    decisions: Decisions
    C: float
    calibration: Mapping[str, float]

    @property
    def chosen(self) -> Mapping[str, float]:
        """Hyperparameters that were chosen on the validation rows."""
        return {"C": self.C, **self.calibration}

    def predict_proba(self, X: Floats) -> Floats:
        """Predict the probability of each genre.

        Parameters
        ----------
        X : np.ndarray [shape=(N, F), float64]

        Returns
        -------
        np.ndarray [shape=(N, K), float64]
        """
        values = self.decisions.values(self.scaler.transform(X))
        return self.decisions.probabilities(values, calibration=self.calibration)


def fit_constant(X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, labels: Labels) -> Constant:
    """Count the genres of the training rows."""
    return Constant(labels.members[y_train].mean(axis=0))


def fit_machine(
    X_train: Floats,
    y_train: Ints,
    X_val: Floats,
    y_val: Ints,
    *,
    labels: Labels,
    machine: Callable[[float], Machine],
    C: Sequence[float],
) -> FittedMachine:
    """Fit machines with a penalty C on standardised features.

    The C with the best score on the validation rows is taken, the smallest of equals, and probabilities are calibrated
    on them; the machines stay fitted to the training rows alone, as the networks are.

    Parameters
    ----------
    X_train, X_val : np.ndarray [shape=(N, F), float64]
    y_train, y_val : np.ndarray [shape=(N,), int64]
        Numbers of `labels`.
    labels : Labels
    machine : callable
        Makes an unfitted classifier of a C.
    C : sequence of float > 0
        Penalties to try.

    Raises
    ------
    DataError
        When there is no validation row, or as `decisions.OneMachine` does.
    """
    if not len(y_val):
        raise DataError(f"baseline: expected validation clips to choose C on, found none. See {AUDIT}.")
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_val = scaler.transform(X_train), scaler.transform(X_val)
    best: tuple[float, float, Decisions, Floats] | None = None
    for penalty in sorted(C):
        fitted = DECISIONS[labels.task.name](partial(machine, penalty), Z_train, y_train, labels=labels)
        values = fitted.values(Z_val)
        score = fitted.score(values, y_val)
        if best is None or score > best[0]:
            best = score, penalty, fitted, values
    if best is None:
        raise DataError("baseline: expected at least one C to try, found none.")
    _, penalty, fitted, values = best
    return FittedMachine(scaler, fitted, C=penalty, calibration=fitted.calibrate(values, y_val))
