"""Decide which genres a track gets, where the number of its genres is known."""

import numpy as np
import numpy.typing as npt

__all__ = ["most_probable"]


def most_probable(probabilities: npt.NDArray[np.float64], n_genres: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Give each row as many genres as it carries, its most probable ones, the first of equals.

    With one genre a row, this is the most probable genre.

    Parameters
    ----------
    probabilities : np.ndarray [shape=(N, K), float64]
    n_genres : np.ndarray [shape=(N,), int64]

    Returns
    -------
    np.ndarray [shape=(N, K), bool]
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    given = np.zeros(probabilities.shape, dtype=np.bool_)
    np.put_along_axis(given, order, np.arange(probabilities.shape[1]) < n_genres[:, None], axis=1)
    return given
