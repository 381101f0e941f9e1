"""Pool the predictions for the clips of a track into one prediction for the track.

There are three rules. They predict the same genre for most tracks; `evaluation.clips_per_track` tabulates how much they
differ, and how much more clips improve the scores.

probabilities
    The mean of the clips' probabilities. It is the project's rule: an uncertain clip counts less than a confident one,
    and no single clip can exclude a genre.
logits
    The softmax of the mean of the clips' logits, which is their normalised geometric mean: one clip that excludes a
    genre all but excludes it for the track.
vote
    Each clip votes for its most probable genre. The mean of the probabilities counts as one additional vote: it decides
    ties, never overrules a majority, and leaves no genre with probability 0.

References
----------
J. Kittler, M. Hatef, R. P. W. Duin, J. Matas: On Combining Classifiers, IEEE TPAMI 20(3), 1998 (sum, product and
majority vote rule).
"""

from typing import Literal, get_args

import numpy as np
from scipy.special import softmax

from fmagc.evaluation.metrics import Floats, Ints, log_probabilities

__all__ = ["AVERAGES", "Average", "averaged"]

Average = Literal["probabilities", "logits", "vote"]
AVERAGES: tuple[Average, ...] = get_args(Average)


def averaged(probabilities: Floats, *, first: Ints, rule: Average) -> Floats:
    """Pool the clips of each track.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(N, K), float64]
        A row for each clip; the clips of a track follow each other.
    first : np.ndarray [shape=(T,), int64]
        The row with which each track begins, ascending from 0.
    rule : str
        One of `AVERAGES`.

    Returns
    -------
    np.ndarray [shape=(T, K), float64]
        Probabilities of each track.
    """
    n_clips = np.diff(first, append=len(probabilities))[:, None]  # (T, 1)
    if rule == "logits":
        return np.asarray(softmax(np.add.reduceat(log_probabilities(probabilities), first) / n_clips, axis=1))
    means: Floats = np.add.reduceat(probabilities, first) / n_clips
    if rule == "probabilities":
        return means
    votes = np.add.reduceat(np.eye(probabilities.shape[1])[probabilities.argmax(axis=1)], first)
    return np.asarray((votes + means) / (n_clips + 1), dtype=np.float64)
