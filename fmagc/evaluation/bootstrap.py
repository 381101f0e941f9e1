"""Percentile intervals over other test artists and other training seeds.

Tracks of one artist sound alike and are right or wrong together, so the artist is what gets resampled: as many artists
as there are, drawn with replacement, each with all of its rows (a cluster bootstrap). Resampling single tracks would
give intervals that are too narrow.

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

from fmagc.evaluation.metrics import Floats, Ints

__all__ = ["LEVEL", "draw", "interval", "intervals"]

LEVEL = 0.95


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


def intervals(drawn: Mapping[str, Floats], *, n_artists: int) -> Mapping[str, tuple[float, float]]:
    """Compute the 95 % percentile interval of each resampled measure.

    Parameters
    ----------
    drawn : mapping of str to np.ndarray [shape=(resamples,), float64]
        1,000 resamples or more give bounds that hardly depend on the seed of the draw.
    n_artists : int
        One artist alone says nothing about others: its interval is (0, 1).
    """
    return {name: interval(values) if n_artists > 1 else (0.0, 1.0) for name, values in drawn.items()}


def interval(values: Floats) -> tuple[float, float]:
    """Compute the bounds of the middle 95 % of resampled values."""
    low, high = np.quantile(values, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
