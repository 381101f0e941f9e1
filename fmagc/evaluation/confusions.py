"""Confusions, where a track has one genre and where it has several.

A track gets as many genres as it carries, its most probable ones. One that it carries is a hit, and counts on the
diagonal. One that it carries and does not get is shared evenly among those that it gets and does not carry. So a row of
the matrix sums to the tracks of its genre, and where a track has one genre, this is the confusion matrix.
"""

import numpy as np
import pandas as pd

from fmagc.evaluation.metrics import Floats
from fmagc.evaluation.predictions import Predictions
from fmagc.tasks.decide import most_probable

__all__ = ["confusion_table", "confusions_by_seed"]


def confusions_by_seed(rows: Predictions) -> Floats:
    """Count confusions for each seed of training [shape=(S, K, K)]: rows are true genres, columns predicted ones."""
    return np.stack([_confusions(own) for own in rows.by_seed().values()])


def confusion_table(predictions: Predictions) -> pd.DataFrame:
    """Count the test tracks of each pair of genres that occurs, all seeds together: ``true, predicted, tracks``."""
    test = predictions.tracks.test
    counts: Floats = confusions_by_seed(test).sum(axis=0)
    true, predicted = np.nonzero(counts)
    genres = np.array(test.genres, dtype=object)
    return pd.DataFrame({"true": genres[true], "predicted": genres[predicted], "tracks": counts[true, predicted]})


def _confusions(own: Predictions) -> Floats:
    carried = own.carried
    given = most_probable(own.probabilities, carried.sum(axis=1))
    missed, wrong = carried & ~given, given & ~carried  # equally many in a row
    shares: Floats = wrong / np.maximum(wrong.sum(axis=1, keepdims=True), 1)
    matrix: Floats = missed.T.astype(np.float64) @ shares
    matrix[np.diag_indices_from(matrix)] += (carried & given).sum(axis=0)
    return matrix
