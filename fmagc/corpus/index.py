"""Write and read the index: the requested tracks, their files and names, and the set of each."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fmagc.paths import LEFT_OUT, NAMES, SPLITS, TRACKS
from fmagc.runtime.files import write_text
from fmagc.runtime.tables import read_csv, write_csv

__all__ = ["read_index", "read_names", "read_split", "write_index"]

_TRACK_TYPES = {"track_id": int, "path": str, "sha1": str, "listed_sha1": str}
_NAME_TYPES = {"track_id": int, "artist": str, "title": str}
_SPLIT_TYPES = {"track_id": int, "genre": str, "genres": str, "artist_id": int, "set": str}  # genre or genres


def write_index(
    files: pd.DataFrame, names: pd.DataFrame, splits: Mapping[str, pd.DataFrame], *, left_out: pd.DataFrame
) -> None:
    """Write the tables of data/index.

    Parameters
    ----------
    files, left_out : pd.DataFrame
        As `corpus.selection.select_tracks` returns them.
    names : pd.DataFrame
        As `corpus.selection.name_table` returns it.
    splits : mapping of str to pd.DataFrame
        By protocol, as `corpus.selection.split_table` returns them.
    """
    write_csv(TRACKS, files)
    write_csv(NAMES, names)
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
