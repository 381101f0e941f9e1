"""Draw shares of a training set: nested, by whole artists, with the genres in proportion.

A share that is drawn by track keeps nearly all artists, and so tells less of how much music a model needs: tracks of
the same artists sound alike. Here artists are drawn, each with all of its tracks.

Each artist belongs to one genre, that of most of its training tracks. The artists of a genre are put in an order that
follows from the seed and their ids alone, and a share takes the first of them, as many as come nearest to that share of
the genre's tracks. A smaller share is therefore part of a larger one, and an artist or a track that is added elsewhere
leaves the order as it was.
"""

import numpy as np
import pandas as pd

from fmagc.runtime.files import digest
from fmagc.tasks.task import labels_of

__all__ = ["take_share"]


def take_share(split: pd.DataFrame, share: float, *, seed: int) -> pd.DataFrame:
    """Keep a share of the training tracks of a split, and all others.

    Parameters
    ----------
    split : pd.DataFrame
        As `corpus.index.read_split` gives it. A track whose artist is not known has an id of its own, as in
        `corpus.splits`: it counts as an artist.
    share : float > 0, at most 1
        Of the training tracks; as near as whole artists allow.
    seed : int
        Of the order of the artists.

    Returns
    -------
    pd.DataFrame
        Rows of `split`. Every genre keeps at least one of its training artists.
    """
    least_share = _least_shares(split[split["set"] == "train"], seed=seed)
    kept = least_share.index[least_share <= share]
    return split[(split["set"] != "train") | split["artist_id"].isin(kept)]


def _least_shares(training: pd.DataFrame, *, seed: int) -> "pd.Series[float]":
    """Compute the smallest share that holds each artist, by ``artist_id``."""
    counts = labels_of(training).crosstab(training, "artist_id")  # (artists, genres)
    counts = counts.iloc[np.argsort([digest(f"{seed} {artist_id}".encode()) for artist_id in counts.index])]
    genres, tracks = counts.idxmax(axis=1), counts.max(axis=1)
    before = tracks.groupby(genres).cumsum() - tracks
    # an artist is in with its middle track: then a share ends at the artist that comes nearest to it
    least_share = (before + tracks / 2) / tracks.groupby(genres).transform("sum")
    for genre in counts:
        own = counts.index[genres == genre] if genre in genres.array else counts.index[counts[genre] > 0]
        least_share[own[0]] = 0.0
    return least_share
