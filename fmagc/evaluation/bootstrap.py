"""Percentile intervals of accuracy and macro-F1, over other test artists and other training seeds.

Tracks of one artist sound alike and are right or wrong together, so the artist is what gets resampled: as many artists
as there are, drawn with replacement, each with all of its rows (a cluster bootstrap). Resampling single tracks would
give intervals that are too narrow. Every metric here is a function of a confusion matrix, and a resample's matrix is
the sum of its artists' matrices, so that all resamples are one matrix product of whole numbers: exact whatever the
number of threads.

Seeds of training are resampled as well, since another training would have given another model. Each resample draws
n - 1 of the n seeds with replacement, and averages the metric over them. Drawing n would underestimate the variance of
the mean over so few seeds, by a third with three; drawing n - 1 makes it unbiased (Rao and Wu). With one seed nothing
is known of others, and the interval is that of this one training.

The draw depends on the numbers of artists and seeds alone. Models that were tested on the same tracks therefore get the
same resamples, and may be compared resample by resample (`fmagc.evaluation.significance`).

With few artists (fewer than about 20) the coverage of a percentile interval is below the nominal 95 %.

References
----------
B. Efron, R. J. Tibshirani: An Introduction to the Bootstrap, 1993, chapters 8 (data with a structure) and 13
(percentile intervals).
J. N. K. Rao, C. F. J. Wu: Resampling Inference With Complex Survey Data, JASA 83, 1988, section 2.
X. Bouthillier et al.: Accounting for Variance in Machine Learning Benchmarks, MLSys 2021 (why seeds belong in it).
"""

from collections.abc import Mapping

import numpy as np

from fmagc.evaluation.metrics import Floats, Ints, count_metrics

__all__ = ["LEVEL", "RESAMPLED", "artist_counts", "draw", "interval", "intervals", "resampled"]

LEVEL = 0.95
RESAMPLED = ("accuracy", "macro_f1")


def artist_counts(labels: Ints, *, predicted: Ints, artist_ids: Ints, seeds: Ints, n_classes: int) -> Ints:
    """Count confusions for each seed of training and each artist.

    Parameters
    ----------
    labels, predicted, artist_ids, seeds : np.ndarray [shape=(N,), int64]
        A row for each prediction; labels and predicted are class indices.
    n_classes : int
        K.

    Returns
    -------
    np.ndarray [shape=(S, A, K, K), int64]
        Seeds and artists in ascending order, so that the same test set gives the same artists for every model.
    """
    artists, artist = np.unique(artist_ids, return_inverse=True)
    runs, run = np.unique(seeds, return_inverse=True)
    cells = (run * len(artists) + artist) * n_classes + labels
    shape = (len(runs) * len(artists) * n_classes, n_classes)
    counts = np.bincount(cells * n_classes + predicted, minlength=shape[0] * shape[1])
    return counts.reshape(len(runs), len(artists), n_classes, n_classes).astype(np.int64)


def draw(n_artists: int, *, n_seeds: int, resamples: int, seed: int) -> tuple[Ints, Ints]:
    """Draw how often each artist and each seed of training occurs in each resample.

    Returns
    -------
    artists : np.ndarray [shape=(resamples, A), int64]
        Rows sum to `n_artists`.
    seeds : np.ndarray [shape=(resamples, S), int64]
        Rows sum to S - 1; a single seed is always there.
    """
    rng = np.random.default_rng(seed)
    artists, seeds = (
        rng.multinomial(n_drawn, np.full(n, 1 / n), size=resamples).astype(np.int64)
        for n_drawn, n in ((n_artists, n_artists), (max(n_seeds - 1, 1), n_seeds))
    )
    return artists, seeds


def resampled(counts: Ints, *, resamples: int, seed: int) -> Mapping[str, Floats]:
    """Compute accuracy and macro_f1, means over seeds, in every resample.

    Parameters
    ----------
    counts : np.ndarray [shape=(S, A, K, K), int64]
        From `artist_counts`.
    seed : int
        Of the draw.

    Returns
    -------
    mapping of str to np.ndarray [shape=(resamples,), float64]
    """
    n_seeds, n_artists, n_classes, _ = counts.shape
    artists, seeds = draw(n_artists, n_seeds=n_seeds, resamples=resamples, seed=seed)
    by_artist: Floats = counts.astype(np.float64).swapaxes(0, 1).reshape(n_artists, -1)
    drawn = artists.astype(np.float64) @ by_artist  # floats go through BLAS
    values = count_metrics(drawn.reshape(resamples, n_seeds, n_classes, n_classes))
    return {name: np.average(values[name], axis=1, weights=seeds) for name in RESAMPLED}


def intervals(counts: Ints, *, resamples: int, seed: int) -> Mapping[str, tuple[float, float]]:
    """Compute the 95 % percentile interval of accuracy and of macro_f1.

    Parameters
    ----------
    counts : np.ndarray [shape=(S, A, K, K), int64]
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
    if counts.shape[1] < 2:
        return dict.fromkeys(RESAMPLED, (0.0, 1.0))
    return {name: interval(values) for name, values in resampled(counts, resamples=resamples, seed=seed).items()}


def interval(values: Floats) -> tuple[float, float]:
    """Compute the bounds of the middle 95 % of resampled values."""
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
