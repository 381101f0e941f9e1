"""How far accuracy and macro-F1 would move with other test artists: percentile intervals by a cluster bootstrap.

Tracks of one artist sound alike and are right or wrong together, so the artist is what gets resampled: as many artists
as there are, drawn with replacement, each with all of its rows. Resampling single tracks would give intervals that are
too narrow. Every metric here is a function of a confusion matrix, and a resample's matrix is the sum of its artists'
matrices, so that all resamples are one matrix product of whole numbers: exact whatever the number of threads.

Seeds of training enter as a mean: the same draw of artists serves all seeds, the metric is taken for each seed and
averaged over seeds inside each resample. The interval is therefore that of the reported mean over seeds, and speaks of
the choice of test artists alone; what another training seed would change is the standard deviation over seeds.

With few artists (say under 20) a percentile interval covers less than the 95 % it claims.

References
----------
B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap, 1993, chapters 8 (data with a structure) and 13
(percentile intervals).
"""

from collections.abc import Mapping

import numpy as np

from fmagc.evaluation.metrics import Floats, Ints, count_metrics

__all__ = ["artist_counts", "draw_artists", "intervals"]

LEVEL = 0.95


def artist_counts(labels: Ints, *, predicted: Ints, artist_ids: Ints, seeds: Ints, n_classes: int) -> Ints:
    """Count confusions for each seed of training and each artist.

    Parameters
    ----------
    labels, predicted, artist_ids, seeds : int [shape=(N,)]
        A row for each prediction; labels and predicted are class indices.
    n_classes : int
        K.

    Returns
    -------
    int [shape=(S, A, K, K)]
        Seeds and artists in ascending order, so that the same test set gives the same artists for every model.
    """
    artists, artist = np.unique(artist_ids, return_inverse=True)
    runs, run = np.unique(seeds, return_inverse=True)
    cells = (run * len(artists) + artist) * n_classes + labels
    shape = (len(runs) * len(artists) * n_classes, n_classes)
    counts = np.bincount(cells * n_classes + predicted, minlength=shape[0] * shape[1])
    return counts.reshape(len(runs), len(artists), n_classes, n_classes).astype(np.int64)


def draw_artists(n_artists: int, *, resamples: int, seed: int) -> Ints:
    """Draw how often each artist occurs in each resample.

    The draw depends on the arguments alone: models that were tested on the same artists get the same resamples.

    Returns
    -------
    int [shape=(resamples, A)]
        Rows sum to `n_artists`.
    """
    rng = np.random.default_rng(seed)
    return rng.multinomial(n_artists, np.full(n_artists, 1 / n_artists), size=resamples).astype(np.int64)


def intervals(counts: Ints, *, resamples: int, seed: int) -> Mapping[str, tuple[float, float]]:
    """Give the 95 % percentile interval of accuracy and of macro_f1.

    Parameters
    ----------
    counts : int [shape=(S, A, K, K)]
        From `artist_counts`.
    resamples : int
        1,000 or more give bounds that hardly depend on `seed`.
    seed : int
        Of the draw.

    Returns
    -------
    mapping of str to (low, high)
        One artist alone says nothing about others: its interval is (0, 1).
    """
    n_seeds, n_artists, n_classes, _ = counts.shape
    if n_artists < 2:
        return {"accuracy": (0.0, 1.0), "macro_f1": (0.0, 1.0)}
    times = draw_artists(n_artists, resamples=resamples, seed=seed).astype(np.float64)  # (R, A); floats go through BLAS
    by_artist: Floats = counts.astype(np.float64).swapaxes(0, 1).reshape(n_artists, -1)
    drawn = (times @ by_artist).reshape(resamples, n_seeds, n_classes, n_classes)
    values = count_metrics(drawn)
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    bounds = {name: np.quantile(values[name].mean(axis=1), tails) for name in ("accuracy", "macro_f1")}
    return {name: (float(low), float(high)) for name, (low, high) in bounds.items()}
