"""Baselines: classical models on summary statistics of each clip, and one that reads no clip.

A baseline is a function that turns its settings into a `Recipe`: how a clip becomes a feature vector, and how a
classifier is fitted to such vectors. A new baseline is one such function, one block of settings in
`fmagc.params.evaluation` and one line in `BASELINES`.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from fmagc.baselines.decisions import DECISIONS, Machine
from fmagc.baselines.features import band_statistics, mfcc_statistics
from fmagc.baselines.fitting import Fit, fit_constant, fit_machine
from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats
from fmagc.params.base import Block
from fmagc.params.evaluation import LogregMel, Majority, SvmMfcc
from fmagc.tasks.labels import Labels

__all__ = ["BASELINES", "Baseline", "Recipe", "logistic_regression", "rbf_svm"]

MOST_PAIRS = 3e10  # of clips that kernels compare: some half an hour of a core for each C


@dataclass(frozen=True)
class Recipe:
    """The features and the fit of a baseline.

    Attributes
    ----------
    features : callable, or None
        np.ndarray [shape=(frames, bands), float64, absolute dB] to np.ndarray [shape=(F,), float64]; None where no
        clip is read.
    fit : Fit
    most_pairs : float
        Pairs of training clips that its machines may compare at most.
    """

    features: Callable[[Floats], Floats] | None
    fit: Fit
    most_pairs: float = math.inf

    def require(self, name: str, n_clips: int, *, labels: Labels) -> None:
        """Refuse a fit that would take hours.

        Parameters
        ----------
        name : str
            Of the baseline.
        n_clips : int
            Of training.
        labels : Labels

        Raises
        ------
        DataError
            When machines for these genres would compare more than `most_pairs` pairs of clips.
        """
        n_machines = DECISIONS[labels.task.name].n_machines(labels)
        n_pairs = n_clips**2 * n_machines
        if n_pairs > self.most_pairs:
            raise DataError(
                f"{name}: expected at most {self.most_pairs / 1e9:,.0f} billion pairs of training clips to compare, "
                f"found {n_pairs / 1e9:,.0f} billion: the square of {n_clips:,} clips, times {n_machines} for the "
                f"machines. It would take hours: take {name} out of run.baselines"
            )


@dataclass(frozen=True)
class Baseline:
    """An entry of the registry: the block of settings at `baselines.<name>`, and the function that makes its recipe."""

    settings: type[Block]
    recipe: Callable[[Any], Recipe]


def logistic_regression(C: float) -> Machine:
    """Make a logistic regression, a multinomial one for several classes."""
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
    fit = partial(fit_machine, machine=rbf_svm, C=settings.C)
    return Recipe(features=features, fit=fit, most_pairs=MOST_PAIRS)


BASELINES: Mapping[str, Baseline] = {
    "majority": Baseline(settings=Majority, recipe=majority),
    "logreg_mel": Baseline(settings=LogregMel, recipe=logreg_mel),
    "svm_mfcc": Baseline(settings=SvmMfcc, recipe=svm_mfcc),
}
