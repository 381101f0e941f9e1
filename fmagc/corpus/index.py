"""Write and read the index: the requested tracks, their files and names, the set of each, and the tree of genres."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fmagc.paths import GENRES, LEFT_OUT, NAMES, SPLITS, TRACKS
from fmagc.runtime.files import write_text
from fmagc.runtime.tables import read_csv, write_csv

__all__ = ["read_genre_table", "read_index", "read_names", "read_split", "write_index"]

_TRACK_TYPES = {"track_id": int, "path": str, "sha1": str, "listed_sha1": str}
_NAME_TYPES = {"track_id": int, "artist": str, "title": str}
_SPLIT_TYPES = {"track_id": int, "genre": str, "genres": str, "artist_id": int, "set": str}  # genre or genres
_GENRE_TYPES = {"genre": str, "parent": str, "depth": int, "is_leaf": bool}


def write_index(
    files: pd.DataFrame,
    names: pd.DataFrame,
    splits: Mapping[str, pd.DataFrame],
    *,
    genres: pd.DataFrame,
    left_out: pd.DataFrame,
) -> None:
    """Write the tables of data/index.

    Parameters
    ----------
    files, left_out : pd.DataFrame
        Of `corpus.selection.Selection`.
    names : pd.DataFrame
        As `corpus.selection.name_table` returns it.
    splits : mapping of str to pd.DataFrame
        By protocol, as `corpus.selection.split_table` returns them.
    genres : pd.DataFrame
        The genres of all splits, as `corpus.fma.genres.GenreTree.table` returns them.
    """
    write_csv(TRACKS, files)
    write_csv(NAMES, names)
    write_csv(GENRES, genres)
    for protocol, split in splits.items():
        write_csv(SPLITS / f"{protocol}.csv", split)
    write_text(LEFT_OUT, left_out.to_csv(index=False))  # for people alone, and often without a row


def read_index(path: Path = TRACKS) -> pd.DataFrame:
    """Read data/index/tracks.csv."""
    return read_csv(path, stage="index", dtype=_TRACK_TYPES, keep_default_na=False)


def read_names(path: Path = NAMES) -> pd.DataFrame:
    """Read data/index/names.csv: the artist and title of each track."""
    return read_csv(path, stage="index", dtype=_NAME_TYPES, keep_default_na=False)


def read_split(protocol: str, *, folder: Path = SPLITS) -> pd.DataFrame:
    """Read data/index/splits/<protocol>.csv, whose column ``genre`` or ``genres`` tells its task (`fmagc.tasks`)."""
    return read_csv(folder / f"{protocol}.csv", stage="index", dtype=_SPLIT_TYPES, keep_default_na=False)


def read_genre_table(path: Path = GENRES) -> pd.DataFrame:
    """Read data/index/genres.csv: the genres to predict, of all protocols together, as a tree.

    Returns
    -------
    pd.DataFrame
        ``genre``, ascending; ``parent``, the nearest of these genres above it, empty for none; ``depth``, its levels
        below the root of FMA's tree, 0 for a root and in music of your own; ``is_leaf``, whether none of these genres
        lies below it.
    """
    return read_csv(path, stage="index", dtype=_GENRE_TYPES, keep_default_na=False)
