"""Test which models of a protocol differ significantly: all pairs, on the same tracks.

Each pair is tested twice. Both results are corrected for the number of pairs: of 21 pairs of equal models, one would
otherwise look different by chance.

Is the headline measure higher (`Scoring.headline`), and by how much? A paired bootstrap over artists and seeds: each
resample scores all models on the same artists, so that what makes tracks hard for all of them cancels out of a
difference. The intervals of all pairs are simultaneous: with 95 % probability each of them contains its true
difference. Their common width, in standard errors, is the 95 % quantile of the largest deviation among all pairs in a
resample (the max-t method), which takes into account that the pairs share models and tracks; Bonferroni's would be
wider. A difference is significant if its interval leaves out 0.

Is one right on more tracks, its most probable genre one that the track carries? McNemar's exact test: of the tracks
that only one model gets right, each model should have half if both are equally good. The test assumes independent
tracks. Those of one artist are not independent, so its p-values are too small where artists have several tracks. With
several seeds it is made for each seed, the seeds of two models matched, and the p-values are combined by Rueger's rule:
the k-th smallest of n times n / k, for the middle k, is a valid p-value whatever their dependence. The p-values of all
pairs are adjusted by Holm's method.

References
----------
J. P. Romano, M. Wolf: Exact and Approximate Stepdown Methods for Multiple Hypothesis Testing, JASA 100, 2005 (max-t).
Q. McNemar: Note on the sampling error of the difference between correlated proportions, Psychometrika 12, 1947.
B. Rueger: Das maximale Signifikanzniveau des Tests "Lehne H0 ab, wenn k unter n gegebenen Tests zur Ablehnung
fuehren", Metrika 25, 1978.
S. Holm: A Simple Sequentially Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy import stats

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import LEVEL
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import scoring_of

__all__ = ["Correctness", "Pair", "compare_all", "holm", "mcnemar", "simultaneous"]


@dataclass(frozen=True)
class Pair:
    """Two models on the same test tracks.

    Attributes
    ----------
    better, worse : str
        By the headline measure.
    difference, low, high : float
        Of that measure, better minus worse, with its simultaneous 95 % interval.
    n_discordant : tuple of (float, float)
        Tracks that only the better, and tracks that only the worse model predicts correctly; means over seeds.
    p : float
        Of McNemar's test, adjusted for the number of pairs.
    """

    better: str
    worse: str
    difference: float
    low: float
    high: float
    n_discordant: tuple[float, float]
    p: float

    @property
    def significant(self) -> bool:
        """True where the interval of the difference leaves out 0."""
        return self.low > 0


@dataclass(frozen=True)
class Correctness:
    """The scores of a model on the test tracks, as comparisons need them: far less than its predictions.

    Attributes
    ----------
    headline : str
        The measure by which models are ranked (`Scoring.headline`).
    track_ids : np.ndarray [shape=(N,), int64]
        Test tracks in ascending order.
    n_artists : int
        Whose tracks they are.
    scores : mapping of str to float
        The measures `Scoring.resampled`, means over seeds.
    drawn : mapping of str to np.ndarray [shape=(resamples,), float64]
        The same in every resample (`Scoring.resamples`).
    correct : np.ndarray [shape=(S, N), bool]
        Whether a track carries its most probable genre, by seed and track.
    """

    headline: str
    track_ids: Ints
    n_artists: int
    scores: Mapping[str, float]
    drawn: Mapping[str, Floats]
    correct: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, predictions: Predictions, *, resamples: int, seed: int) -> Self:
        """Score the predictions for the test tracks, whole and resampled; `resamples` and `seed` of the bootstrap."""
        scoring, tracks = scoring_of(predictions), predictions.tracks.test  # ordered by seed, then track
        by_seed = tracks.by_seed()
        scores = [scoring.scores(own) for own in by_seed.values()]
        return cls(
            headline=scoring.headline,
            track_ids=next(iter(by_seed.values())).track_ids,
            n_artists=len(np.unique(tracks.artist_ids)),
            scores={name: float(np.mean([own[name] for own in scores])) for name in scoring.resampled},
            drawn=scoring.resamples(tracks, resamples=resamples, seed=seed),
            correct=tracks.correct.reshape(len(by_seed), -1),
        )


def compare_all(models: Mapping[str, Correctness]) -> list[Pair]:
    """Compare every two models of a protocol.

    Parameters
    ----------
    models : mapping of str to Correctness
        By name, all with the same draw of resamples.

    Returns
    -------
    list of Pair
        In the order of the headline measure; none for a single model, or if all tracks are of one artist.

    Raises
    ------
    DataError
        When models were tested on different tracks.
    """
    scores = {name: own.scores[own.headline] for name, own in models.items()}
    ranked = sorted(models, key=lambda name: (-scores[name], name))
    first = models[ranked[0]]
    for name in ranked[1:]:
        if not np.array_equal(models[name].track_ids, first.track_ids):
            raise DataError(
                f"pairs: expected {name} to be tested on the tracks of {ranked[0]}, found others: `dvc repro`"
            )
    if len(ranked) < 2 or first.n_artists < 2:
        return []
    drawn = {name: own.drawn[own.headline] for name, own in models.items()}
    pairs = list(combinations(ranked, 2))
    differences = np.array([scores[one] - scores[other] for one, other in pairs])
    deviations = np.stack([drawn[one] - drawn[other] for one, other in pairs], axis=1) - differences
    half = simultaneous(deviations, n_artists=first.n_artists)
    tests = [mcnemar(models[one].correct, models[other].correct) for one, other in pairs]
    adjusted = holm([p for _, _, p in tests])
    return [
        Pair(one, other, difference, max(difference - width, -1.0), min(difference + width, 1.0), (n_one, n_other), p)
        for (one, other), difference, width, (n_one, n_other, _), p in zip(
            pairs, differences.tolist(), half.tolist(), tests, adjusted, strict=True
        )
    ]


def simultaneous(deviations: Floats, *, n_artists: int) -> Floats:
    """Compute half widths of symmetric intervals that hold all at once.

    Parameters
    ----------
    deviations : np.ndarray [shape=(resamples, pairs), float64]
        Of resampled differences from the differences found.
    n_artists : int
        From which the standard errors are estimated: of few, normal quantiles are too small and Student's t is taken.

    Returns
    -------
    np.ndarray [shape=(pairs,), float64]
        0 for a pair whose difference is the same in every resample.
    """
    errors = deviations.std(axis=0)
    moving = errors > 0
    if not moving.any():
        return np.zeros(len(errors))
    largest = np.abs(deviations[:, moving] / errors[moving]).max(axis=1)
    widths = stats.t.isf(stats.norm.sf(np.quantile(largest, LEVEL)), df=n_artists - 1)
    return np.asarray(errors * widths, dtype=np.float64)


def mcnemar(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> tuple[float, float, float]:
    """Test whether two models predict equally many tracks correctly.

    Parameters
    ----------
    one, other : np.ndarray [shape=(S, N), bool]
        Whether each track is predicted correctly, by seed; a model of one seed is compared with all seeds of the other.

    Returns
    -------
    n_one, n_other : float
        Discordant tracks, which only one of the two predicts correctly; means over seeds.
    p : float
        Two-sided p-value.
    """
    one, other = np.broadcast_arrays(one, other)
    n_one, n_other = (one & ~other).sum(axis=1), (other & ~one).sum(axis=1)
    p_values = sorted(
        float(stats.binomtest(int(b), int(b + c)).pvalue) if b + c else 1.0 for b, c in zip(n_one, n_other, strict=True)
    )
    middle = -(-len(p_values) // 2)
    p = min(1.0, p_values[middle - 1] * len(p_values) / middle)
    return float(n_one.mean()), float(n_other.mean()), p


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number: if no pair differs, the chance that any is below 0.05 is 5 % at most."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    return [float(value) for value in adjusted]
