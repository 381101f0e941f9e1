"""Average precision and ROC-AUC of weighted rows, for many weightings of the same ranking at once.

Rows are ranked by their scores, the highest first, and rows of equal score share a place, as scikit-learn has it: the
average precision is the sum, over the places, of the recall that a place adds times the precision down to it; the
ROC-AUC is the share of pairs of a positive and a negative row in which the positive one ranks higher, where equals
count half. A row that is drawn twice counts twice. So a resample of artists needs no ranking of its own: each genre is
sorted once, and a compiled loop walks down its rows for all resamples. It adds whole numbers in one order: the results
are the same on any machine and whatever the number of threads.

References
----------
J. Davis, M. Goadrich: The Relationship Between Precision-Recall and ROC Curves, ICML 2006.
Y. Bestgen: Exact Expected Average Precision of the Random Baseline for System Evaluation, PBML 103, 2015.
"""

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from fmagc.evaluation.metrics import Floats, Ints
from fmagc.runtime.compiled import compiled

__all__ = ["best_threshold", "precision_by_chance", "rank_genres", "rank_once"]

Bools = npt.NDArray[np.bool_]
Times = npt.NDArray[np.uint16]


def rank_genres(scores: Floats, carried: Bools, *, artists: Ints, times: Ints) -> tuple[Floats, Floats]:
    """Measure each genre in each resample.

    Parameters
    ----------
    scores : np.ndarray [shape=(N, K), float64]
    carried : np.ndarray [shape=(N, K), bool]
        Which rows are positive.
    artists : np.ndarray [shape=(N,), int64]
        Of each row, from 0 to A - 1.
    times : np.ndarray [shape=(R, A), int64]
        How often each resample has each artist.

    Returns
    -------
    average_precision, roc_auc : np.ndarray [shape=(R, K), float64]
        NaN where a resample has no row that carries the genre; the ROC-AUC also where it has no other.
    """
    by_artist: Times = np.ascontiguousarray(times.T.astype(np.uint16))
    n_rows = times @ np.bincount(artists, minlength=times.shape[1])
    found = np.empty((2, len(times), scores.shape[1]))
    for genre in range(scores.shape[1]):
        order = np.argsort(-scores[:, genre], kind="stable")
        found[:, :, genre] = _walk(scores[order, genre], carried[order, genre], artists[order], by_artist, n_rows)
    return found[0], found[1]


def rank_once(scores: Floats, carried: Bools) -> tuple[Floats, Floats]:
    """Measure each genre on rows as they are; arguments as for `rank_genres`, results [shape=(K,)] each."""
    one = np.ones((1, 1), dtype=np.int64)
    precision, auc = rank_genres(scores, carried, artists=np.zeros(len(scores), dtype=np.int64), times=one)
    return precision[0], auc[0]


def best_threshold(scores: Floats, carried: Bools) -> float:
    """Find the score from which on rows are called positive that gives the highest F1; of equals the highest.

    Parameters
    ----------
    scores, carried : np.ndarray [shape=(N,)]
        At least one row is positive.
    """
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.append(ranked[1:] != ranked[:-1], True)  # of those of equal score
    hits = np.cumsum(carried[order])[last]
    f1 = 2 * hits / (np.flatnonzero(last) + 1 + hits[-1])
    return float(ranked[last][f1.argmax()])


def precision_by_chance(n_positive: ArrayLike, n_rows: int) -> Floats:
    """Compute the average precision of rows in a random order, its mean over all orders.

    It is the share of positive rows where these are many, and above it where they are few: one positive row among ten
    has 0.29. Rows of one score share a place, which has just that share, 0.1.

    Parameters
    ----------
    n_positive : array_like
        From 1 to `n_rows`.
    n_rows : int
    """
    first = (1 / np.arange(1, n_rows + 1)).sum()  # of a single positive row, times the number of rows
    others = (np.asarray(n_positive, dtype=np.float64) - 1) / max(n_rows - 1, 1)
    return np.asarray((first + others * (n_rows - first)) / n_rows, dtype=np.float64)


@compiled(inline="always")
def _add(counts: npt.NDArray[np.int32], times: Times) -> None:
    for n in range(len(counts)):
        counts[n] += times[n]


@compiled()
def _walk(scores: Floats, positive: Bools, artists: Ints, times: Times, n_rows: Ints) -> Floats:
    """Walk down rows in the order of their scores [shape=(N,)], for all resamples at once.

    `times` [shape=(A, R)] and `n_rows` [shape=(R,)] say how often each resample has each artist, and how many rows.
    """
    n_resamples = times.shape[1]
    hits, misses = np.zeros(n_resamples, np.int32), np.zeros(n_resamples, np.int32)
    own_hits, own_misses = np.zeros(n_resamples, np.int32), np.zeros(n_resamples, np.int32)  # of one place
    precision, wrong = np.zeros(n_resamples), np.zeros(n_resamples, np.int64)  # wrong: half pairs in the wrong order
    left = positive.sum()
    first = 0
    while left > 0:  # what ranks below the last positive row changes nothing
        end, n_positive = first, 0
        while end < len(scores) and scores[end] == scores[first]:
            n_positive += positive[end]
            end += 1
        if n_positive == 0:
            for row in range(first, end):
                _add(misses, times[artists[row]])
        else:
            own_hits[:] = 0
            own_misses[:] = 0
            for row in range(first, end):
                _add(own_hits if positive[row] else own_misses, times[artists[row]])
            for n in range(n_resamples):
                wrong[n] += np.int64(own_hits[n]) * (2 * misses[n] + own_misses[n])
                hits[n] += own_hits[n]
                misses[n] += own_misses[n]
                if own_hits[n] > 0:
                    precision[n] += own_hits[n] * (hits[n] / (hits[n] + misses[n]))
        left -= n_positive
        first = end
    found = np.full((2, n_resamples), np.nan)
    for n in range(n_resamples):
        n_others = n_rows[n] - hits[n]
        if hits[n] > 0:
            found[0, n] = precision[n] / hits[n]
            if n_others > 0:
                found[1, n] = 1 - wrong[n] / (2 * np.int64(hits[n]) * n_others)
    return found
