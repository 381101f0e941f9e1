"""The interface of a task to a baseline: how many machines of scikit-learn it has, and the meaning of their values."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, softmax
from sklearn.metrics import average_precision_score

from fmagc.errors import DataError
from fmagc.evaluation.calibration import TEMPERATURES, fit_temperature
from fmagc.evaluation.metrics import Floats, Ints, confusion_counts, from_confusion
from fmagc.paths import AUDIT
from fmagc.tasks.labels import Labels

__all__ = ["DECISIONS", "Decisions", "Machine", "OneMachine", "OneVsRest"]

Machine = Any  # of scikit-learn, with fit and decision_function


class Decisions(ABC):
    """Machines that are fitted to training rows, and the genres that they decide on.

    Parameters
    ----------
    make : callable
        Makes an unfitted machine.
    Z : np.ndarray [shape=(N, F), float64]
        Standardised features.
    codes : np.ndarray [shape=(N,), int64]
        Labels.
    labels : Labels
        What the codes number.
    """

    def __init__(self, make: Callable[[], Machine], Z: Floats, codes: Ints, *, labels: Labels) -> None:
        self._labels = labels
        self._fit(make, Z, codes)

    @staticmethod
    @abstractmethod
    def n_machines(labels: Labels) -> int:
        """Count the machines that are fitted to all rows."""

    @abstractmethod
    def _fit(self, make: Callable[[], Machine], Z: Floats, codes: Ints) -> None:
        """Fit the machines."""

    @abstractmethod
    def values(self, Z: Floats) -> Floats:
        """Compute decision values, (N, F) to (N, K)."""

    @abstractmethod
    def score(self, values: Floats, codes: Ints) -> float:
        """Rate decision values by the measure that the task's models are ranked by."""

    @abstractmethod
    def calibrate(self, values: Floats, codes: Ints) -> dict[str, float]:
        """Choose the parameters of `probabilities` of least log loss."""

    @abstractmethod
    def probabilities(self, values: Floats, *, calibration: Mapping[str, float]) -> Floats:
        """Turn decision values into probabilities [shape=(N, K)]."""


class OneMachine(Decisions):
    """One machine that tells all genres apart, where a track has one.

    Probabilities are the softmax of the decision values divided by one temperature (temperature scaling: C. Guo et al.,
    On Calibration of Modern Neural Networks, 2017). That needs no random numbers and leaves the order of the classes
    alone: the most probable class is the one that the machine predicts. SVC's own probabilities (`probability=True`)
    are deprecated since scikit-learn 1.9, come from a random cross-validation that ignores artists, and may name
    another class than `predict` does.

    Raises
    ------
    DataError
        When a class has no training row.
    """

    machine: Machine

    @staticmethod
    def n_machines(labels: Labels) -> int:
        """Count one: scikit-learn makes several of it where it must, each of few rows."""
        return 1

    def _fit(self, make: Callable[[], Machine], Z: Floats, codes: Ints) -> None:
        n_classes = len(self._labels.genres)
        missing = sorted(set(range(n_classes)) - set(codes.tolist()))
        if missing:
            raise DataError(
                f"baseline: expected training clips of all {n_classes} genres, found none of the genres number "
                f"{', '.join(map(str, missing))} (alphabetical order, from 0). See {AUDIT}."
            )
        self.machine = make().fit(Z, codes)

    def values(self, Z: Floats) -> Floats:
        """Compute decision values, (N, F) to (N, K); scikit-learn gives two classes a single column."""
        values = np.asarray(self.machine.decision_function(Z), dtype=np.float64)
        return np.stack([-values, values], axis=1) if values.ndim == 1 else values

    def score(self, values: Floats, codes: Ints) -> float:
        """Compute macro-F1."""
        counts = confusion_counts(codes, predicted=values.argmax(axis=1), n_classes=values.shape[1])
        return from_confusion(counts)["macro_f1"]

    def calibrate(self, values: Floats, codes: Ints) -> dict[str, float]:
        """Fit the temperature."""
        return {"temperature": fit_temperature(values, labels=codes)}

    def probabilities(self, values: Floats, *, calibration: Mapping[str, float]) -> Floats:
        """Take the softmax."""
        return np.asarray(softmax(values / calibration["temperature"], axis=1), dtype=np.float64)


class OneVsRest(Decisions):
    """One machine for each genre, where a track has several.

    Probabilities are the logistic function of the decision values, less one shift for all genres, divided by one
    temperature: it leaves the order of the tracks within a genre alone. A genre that all training rows have, or none,
    gets no machine: its probability is 1, or 0.
    """

    machines: dict[int, Machine]  # by genre

    @staticmethod
    def n_machines(labels: Labels) -> int:
        """Count one for each genre."""
        return len(labels.genres)

    def _fit(self, make: Callable[[], Machine], Z: Floats, codes: Ints) -> None:
        carried = self._labels.members[codes]  # (N, K)
        self._shares = carried.mean(axis=0)
        varying = np.flatnonzero((self._shares > 0) & (self._shares < 1)).tolist()
        self.machines = {genre: make().fit(Z, carried[:, genre]) for genre in varying}

    def values(self, Z: Floats) -> Floats:
        """Compute decision values, (N, F) to (N, K), 0 for a genre without a machine."""
        values = np.zeros((len(Z), len(self._shares)))
        for genre, machine in self.machines.items():
            values[:, genre] = machine.decision_function(Z)
        return values

    def score(self, values: Floats, codes: Ints) -> float:
        """Compute the mean of the average precisions of the genres that occur."""
        carried = self._labels.members[codes]
        occurs = carried.any(axis=0)
        return float(average_precision_score(carried[:, occurs], values[:, occurs]))

    def calibrate(self, values: Floats, codes: Ints) -> dict[str, float]:
        """Fit shift and temperature."""
        genres = list(self.machines)
        carried, scores = self._labels.members[codes][:, genres], values[:, genres]

        def log_loss(parameters: Floats) -> tuple[float, list[float]]:
            log_temperature, shift = parameters
            temperature = np.exp(log_temperature)
            logits = (scores - shift) / temperature
            excess = (expit(logits) - carried) / len(codes)  # the derivative by a logit
            loss = (np.logaddexp(0, logits) - carried * logits).sum() / len(codes)
            return float(loss), [float(-(excess * logits).sum()), float(-excess.sum() / temperature)]

        bounds = [tuple(np.log(TEMPERATURES)), (None, None)]
        log_temperature, shift = minimize(log_loss, x0=[0.0, 0.0], jac=True, bounds=bounds, method="L-BFGS-B").x
        return {"temperature": float(np.exp(log_temperature)), "shift": float(shift)}

    def probabilities(self, values: Floats, *, calibration: Mapping[str, float]) -> Floats:
        """Take the logistic function."""
        p = np.tile(self._shares, (len(values), 1))
        genres = list(self.machines)
        p[:, genres] = expit((values[:, genres] - calibration["shift"]) / calibration["temperature"])
        return p


DECISIONS: Mapping[str, type[Decisions]] = {"single": OneMachine, "multi": OneVsRest}
