"""Split tracks into training, validation and test sets by a protocol.

official
    FMA's own split. It keeps artists apart.
random
    80 % of the tracks train, 10 % validate, 10 % test, whoever their artists are: what the reference study did.
artist
    80/10/10 by artist, for corpora without a split of their own: all tracks of an artist go to one set.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.errors import format_list, format_value
from fmagc.tasks.task import labels_of, task_of

__all__ = ["LEAKY", "PROTOCOLS", "SETS", "assign", "empty_sets", "shared_artists"]

SETS = ("train", "val", "test")
SHARES = (0.8, 0.1, 0.1)
DRAWS = 50

Sets = npt.NDArray[np.str_]


def official(tracks: pd.DataFrame, rng: np.random.Generator) -> Sets:
    """Take FMA's own split."""
    return tracks["split"].map({"training": "train", "validation": "val", "test": "test"}).to_numpy(dtype=str)


def random(tracks: pd.DataFrame, rng: np.random.Generator) -> Sets:
    """Shuffle the tracks and cut at 80 and at 90 %, whatever their genres and artists."""
    cuts = np.cumsum(SHARES[:-1]) * len(tracks)
    places = np.searchsorted(cuts.round(), rng.permutation(len(tracks)), side="right")
    return np.array(SETS)[places]


def artist(tracks: pd.DataFrame, rng: np.random.Generator) -> Sets:
    """Assign whole artists to sets, in every genre as near to 80/10/10 as they allow.

    The artists with the most tracks are assigned first. Each goes to a set drawn with weights, the numbers of tracks
    that the sets still lack of the artist's genres, if possible to a set that this does not overfill. So an artist with
    many tracks may be tested like any other, and those with few tracks, who come last, even the sets out. The last
    artists of a genre fill the sets that have none of it, if it has three artists or more: with fewer it cannot be in
    all sets, and to put it into two would take more than a tenth of it, and of the genres above it, out of training.
    """
    counts = labels_of(tracks).crosstab(tracks, "artist_id")  # (artists, genres)
    counts = counts.iloc[rng.permutation(len(counts))]
    counts = counts.iloc[np.argsort(-counts.sum(axis=1).to_numpy(), kind="stable")]
    lacking = np.outer(SHARES, counts.sum())
    empty = np.full(lacking.shape, True)
    to_come = (counts > 0).to_numpy().sum(axis=0)  # artists of each genre
    fillable = to_come >= len(SETS)
    sets = {}
    for artist_id, own in zip(counts.index, counts.to_numpy(), strict=True):
        chances = np.maximum(lacking, 0) @ own
        urgent = empty & (own > 0) & (to_come <= empty.sum(axis=0)) & fillable
        roomy = (lacking > own - 1) | (own == 0)
        for better in (urgent.any(axis=1), roomy.all(axis=1)):
            if (chances * better).any():
                chances = chances * better
        place = rng.choice(len(SETS), p=chances / chances.sum())
        lacking[place] -= own
        empty[place] &= own == 0
        to_come -= own > 0
        sets[artist_id] = SETS[place]
    return tracks["artist_id"].map(sets).to_numpy(dtype=str)


PROTOCOLS: dict[str, Callable[[pd.DataFrame, np.random.Generator], Sets]] = {
    "official": official,
    "random": random,
    "artist": artist,
}
LEAKY = ("random",)  # the protocols that let an artist be trained on and tested


def assign(tracks: pd.DataFrame, protocol: str, *, seed: int) -> Sets:
    """Give each track its set.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `corpus.selection.select_tracks` gives them.
    protocol : str
        Of `PROTOCOLS`.
    seed : int
        Of the draw. By chance a set may lack a genre. So there are up to 50 draws, and the first of those that leave
        the most genres in every set counts. Where the task needs every genre in every set and none of the draws has
        that, `random` assigns the tracks genre by genre.

    Returns
    -------
    np.ndarray of str [shape=(N,)]
        train, val or test.
    """
    rng = np.random.default_rng(seed)
    if protocol == "official":
        return official(tracks, rng)
    wholes = labels_of(tracks).crosstab(tracks, "artist_id" if protocol == "artist" else "track_id")
    unavoidable = int(((wholes > 0).sum() < len(SETS)).sum())  # genres of too few tracks, or artists, for all sets
    best, fewest = np.array([]), len(wholes.columns) + 1
    for _ in range(DRAWS):
        sets = PROTOCOLS[protocol](tracks, rng)
        lacking = int((_sizes(tracks.assign(set=sets)) == 0).any(axis=1).sum())
        if lacking < fewest:
            best, fewest = sets, lacking
        if fewest == unavoidable:
            break
    if protocol == "random" and fewest and task_of(tracks).needs_every_genre:
        best = artist(tracks.assign(artist_id=tracks["track_id"]), rng)
    return best


def empty_sets(split: pd.DataFrame) -> list[str]:
    """List the genres of which a set has no track."""
    return [f"{genre} has none in {name}" for genre, row in _sizes(split).iterrows() for name in SETS if row[name] == 0]


def _sizes(split: pd.DataFrame) -> pd.DataFrame:
    """Count the tracks of each genre (rows) in each set."""
    return labels_of(split).crosstab(split, "set").reindex(list(SETS), fill_value=0).T


def shared_artists(split: pd.DataFrame) -> list[str]:
    """List the artists (columns ``artist_id``, ``artist``) that have tracks in several sets, with these tracks."""
    n_sets = split.groupby("artist_id")["set"].transform("nunique")
    return [
        f"artist {artist_id}, {format_value(tracks['artist'].iloc[0])} "
        f"({'; '.join(f'{name}: {_ids(own)}' for name, own in tracks.groupby('set'))})"
        for artist_id, tracks in split[n_sets > 1].groupby("artist_id")
    ]


def _ids(tracks: pd.DataFrame) -> str:
    return format_list(list(map(str, tracks["track_id"])))
