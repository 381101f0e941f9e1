"""Pool the predictions for the clips of a track into one prediction for the track.

There are three rules, two of them where a track has several genres. They predict the same genre for most tracks;
`evaluation.clips_per_track` tabulates how much they differ, and how much more clips improve the scores.

probabilities
    The mean of the clips' probabilities. It is the project's rule: an uncertain clip counts less than a confident one,
    and no single clip can exclude a genre.
logits
    The mean of the clips' logits, as probabilities: by the softmax, which makes it their normalised geometric mean, or
    by the logistic function where a track has several genres. One clip that excludes a genre all but excludes it for
    the track.
vote
    Where a track has one genre, each clip votes for its most probable one. The mean of the probabilities counts as one
    additional vote: it decides ties, never overrules a majority, and leaves no genre with probability 0.

References
----------
J. Kittler, M. Hatef, R. P. W. Duin, J. Matas: On Combining Classifiers, IEEE TPAMI 20(3), 1998 (sum, product and
majority vote rule).
"""

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
from scipy.special import expit, softmax

from fmagc.evaluation.metrics import Floats, Ints, log_odds, log_probabilities

__all__ = ["RULES", "Average"]

Average = Literal["probabilities", "logits", "vote"]


def _means(values: Floats, first: Ints) -> Floats:
    n_clips = np.diff(first, append=len(values))[:, None]  # (T, 1)
    return np.asarray(np.add.reduceat(values, first) / n_clips, dtype=np.float64)


def _softmax_of_means(probabilities: Floats, first: Ints) -> Floats:
    return np.asarray(softmax(_means(log_probabilities(probabilities), first), axis=1))


def _logistic_of_means(probabilities: Floats, first: Ints) -> Floats:
    return np.asarray(expit(_means(log_odds(probabilities), first)))


def _votes(probabilities: Floats, first: Ints) -> Floats:
    n_clips = np.diff(first, append=len(probabilities))[:, None]
    votes = np.add.reduceat(np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)], first)
    return np.asarray((votes + _means(probabilities, first)) / (n_clips + 1), dtype=np.float64)


# by the name of the task; each takes the probabilities of clips [shape=(N, K)], those of a track together, and the row
# with which each track begins [shape=(T,)], ascending from 0, and returns those of tracks [shape=(T, K)]
RULES: Mapping[str, Mapping[Average, Callable[[Floats, Ints], Floats]]] = {
    "single": {"probabilities": _means, "logits": _softmax_of_means, "vote": _votes},
    "multi": {"probabilities": _means, "logits": _logistic_of_means},
}
