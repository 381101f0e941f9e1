"""What the networks must beat: classical models on summary statistics of each clip.

A baseline is a function that turns its settings into a `Recipe`: how a clip becomes a feature vector, and how a
classifier is fitted to such vectors. A new baseline is one such function, one block of settings in
`fmagc.params.evaluation` and one line in `BASELINES`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import librosa
import numpy as np
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats, Ints, confusion_counts, from_confusion
from fmagc.params.base import Block
from fmagc.params.evaluation import SvmMfcc

__all__ = ["BASELINES", "Baseline", "Classifier", "FittedSvm", "Recipe", "fit_svm", "mfcc_statistics", "svm_mfcc"]

TEMPERATURES = (0.1, 100.0)  # of the softmax; bounded, because a perfect validation score asks for 0


class Classifier(Protocol):
    """What a baseline gives once it is fitted."""

    @property
    def chosen(self) -> Mapping[str, float]:
        """What was decided on the validation rows, for the record."""

    def predict_proba(self, X: Floats) -> Floats:
        """Give the probability of each class, (N, F) to (N, K)."""


class Fit(Protocol):
    """How a recipe makes its classifier; see `fit_svm`."""

    def __call__(self, X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, n_classes: int) -> Classifier:
        """Fit to the training rows, decide what is left open on the validation rows."""


@dataclass(frozen=True)
class Recipe:
    """How a baseline works on clips.

    Attributes
    ----------
    features : callable
        float [shape=(frames, bands)], absolute dB, to float64 [shape=(F,)].
    fit : Fit
    """

    features: Callable[[Floats], Floats]
    fit: Fit


@dataclass(frozen=True)
class Baseline:
    """A line of the registry: the block of settings at `baselines.<name>`, and what makes a recipe of it."""

    settings: type[Block]
    recipe: Callable[[Any], Recipe]


@dataclass(frozen=True)
class FittedSvm:
    """A support vector machine that gives probabilities.

    SVC's own probabilities (`probability=True`) are deprecated since scikit-learn 1.9, come from a random
    cross-validation that ignores artists, and may name another class than `predict` does. Here they are the softmax
    of the one-vs-rest decision values divided by one temperature, the one of least log loss on the validation rows
    (temperature scaling: C. Guo et al., On Calibration of Modern Neural Networks, 2017). That needs no random numbers
    and leaves the order of the classes alone: the most probable class is the one that the machine predicts.
    """

    scaler: StandardScaler
    svc: SVC
    C: float
    temperature: float

    @property
    def chosen(self) -> Mapping[str, float]:
        """What was decided on the validation rows."""
        return {"C": self.C, "temperature": self.temperature}

    def predict_proba(self, X: Floats) -> Floats:
        """Give the probability of each class.

        Parameters
        ----------
        X : float [shape=(N, F)]

        Returns
        -------
        float64 [shape=(N, K)]
        """
        scores = _decision_values(self.svc, self.scaler.transform(X))
        return np.asarray(softmax(scores / self.temperature, axis=1), dtype=np.float64)


def mfcc_statistics(S_db: Floats, *, n_mfcc: int) -> Floats:
    """Summarise a clip by seven statistics of each MFCC over time, those of FMA's own features.

    Parameters
    ----------
    S_db : float [shape=(frames, bands)]
        Log-mel spectrogram in absolute dB, time-major. What is stored is relative to the track's maximum: add `ref_db`,
        else the first coefficient does not know how loud the track is.
    n_mfcc : int

    Returns
    -------
    float64 [shape=(7 * n_mfcc,)]
        mean, standard deviation, skewness, excess kurtosis, median, minimum and maximum, `n_mfcc` values each. A
        coefficient that does not change has skewness and kurtosis 0.

    Raises
    ------
    DataError
        When there are fewer bands than coefficients, or a value is not finite.

    References
    ----------
    M. Defferrard et al., FMA: A Dataset for Music Analysis, ISMIR 2017, section 3.4.
    """
    if S_db.ndim != 2 or S_db.shape[1] < n_mfcc:
        raise DataError(
            f"MFCC: expected (frames, bands) with {n_mfcc} bands or more, found the shape {S_db.shape}. "
            "Lower baselines.svm_mfcc.n_mfcc or raise mel.n_mels."
        )
    if not np.isfinite(S_db).all():
        raise DataError(f"MFCC: expected finite dB, found {int((~np.isfinite(S_db)).sum())} other values.")
    mfcc = librosa.feature.mfcc(S=S_db.T.astype(np.float64), n_mfcc=n_mfcc)  # (n_mfcc, frames)
    mean, spread = mfcc.mean(axis=1), mfcc.std(axis=1)
    moving = spread > 1e-6  # dB; a ratio of moments of less is rounding noise
    skew, kurtosis = np.zeros(n_mfcc), np.zeros(n_mfcc)
    skew[moving] = stats.skew(mfcc[moving], axis=1)
    kurtosis[moving] = stats.kurtosis(mfcc[moving], axis=1)
    median, lowest, highest = np.median(mfcc, axis=1), mfcc.min(axis=1), mfcc.max(axis=1)
    return np.concatenate([mean, spread, skew, kurtosis, median, lowest, highest])


def fit_svm(
    X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, n_classes: int, C: Sequence[float]
) -> FittedSvm:
    """Fit an RBF support vector machine on standardised features.

    The penalty C with the best macro-F1 on the validation rows is taken, the smallest of equals; the machine stays
    fitted to the training rows alone, as the networks are.

    Parameters
    ----------
    X_train, X_val : float [shape=(N, F)]
    y_train, y_val : int [shape=(N,)]
        Class indices, 0 to K - 1.
    n_classes : int
        K.
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
            f"{', '.join(map(str, missing))} (alphabetical order, from 0). Look at metrics/split.json."
        )
    if not len(y_val):
        raise DataError("baseline: expected validation clips to choose C on, found none. Look at metrics/split.json.")
    scaler = StandardScaler().fit(X_train)
    Z_train, Z_val = scaler.transform(X_train), scaler.transform(X_val)
    best: tuple[float, float, SVC, Floats] | None = None
    for penalty in sorted(C):
        # break_ties: equal votes are decided by the decision values, so that svc.predict is their argmax
        svc = SVC(C=penalty, kernel="rbf", gamma="scale", break_ties=True).fit(Z_train, y_train)
        scores = _decision_values(svc, Z_val)
        counts = confusion_counts(y_val, predicted=scores.argmax(axis=1), n_classes=n_classes)
        score = from_confusion(counts)["macro_f1"]
        if best is None or score > best[0]:
            best = score, penalty, svc, scores
    if best is None:
        raise DataError("baseline: expected at least one C to try, found none.")
    _, penalty, svc, scores = best
    return FittedSvm(scaler=scaler, svc=svc, C=penalty, temperature=_temperature(scores, y_val))


def svm_mfcc(settings: SvmMfcc) -> Recipe:
    """Make the recipe of the RBF support vector machine on MFCC statistics, the baseline that the field uses."""

    def features(S_db: Floats) -> Floats:
        return mfcc_statistics(S_db, n_mfcc=settings.n_mfcc)

    def fit(X_train: Floats, y_train: Ints, X_val: Floats, y_val: Ints, *, n_classes: int) -> FittedSvm:
        return fit_svm(X_train, y_train, X_val, y_val, n_classes=n_classes, C=settings.C)

    return Recipe(features=features, fit=fit)


BASELINES: Mapping[str, Baseline] = {"svm_mfcc": Baseline(settings=SvmMfcc, recipe=svm_mfcc)}


def _decision_values(svc: SVC, Z: Floats) -> Floats:
    """Give one-vs-rest decision values, (N, F) to (N, K); scikit-learn gives two classes a single column."""
    values = np.asarray(svc.decision_function(Z), dtype=np.float64)
    return np.stack([-values, values], axis=1) if values.ndim == 1 else values


def _temperature(scores: Floats, labels: Ints) -> float:
    rows = np.arange(len(labels))

    def log_loss(log_temperature: float) -> float:
        return float(-log_softmax(scores / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(log_loss, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))
