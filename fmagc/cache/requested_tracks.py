"""The table of the tracks that were requested: what index and decode know of each, for `fmagc.open_cache`."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from fmagc.cache.ledger import read_ledger
from fmagc.corpus.index import read_index, read_names, read_split
from fmagc.errors import DataError
from fmagc.paths import DATA, NAMES, SPLITS, TRACKS, WAVES
from fmagc.tasks.labels import SEPARATOR
from fmagc.tasks.task import genre_text, task_of

__all__ = ["SET_COLUMN", "SPLITS_FOLDER", "read_splits", "requested_tracks"]

SET_COLUMN = "set_{}"  # of a protocol, which may be called as another column: artist
SPLITS_FOLDER = SPLITS.relative_to(DATA)


def read_splits(folder: Path) -> dict[str, pd.DataFrame]:
    """Read the split of each protocol, its index the ids of the tracks.

    Parameters
    ----------
    folder : Path
        The pipeline's folder ``data``.

    Raises
    ------
    DataError
        When there is none.
    """
    protocols = sorted(path.stem for path in (folder / SPLITS_FOLDER).glob("*.csv"))
    if not protocols:
        raise DataError(
            f"{folder / SPLITS_FOLDER}: expected a table for each protocol of the run, found none: run `dvc repro`"
        )
    return {
        protocol: read_split(protocol, folder=folder / SPLITS_FOLDER).set_index("track_id") for protocol in protocols
    }


def requested_tracks(folder: Path, splits: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join what index and decode know of every requested track.

    Parameters
    ----------
    folder : Path
        The pipeline's folder ``data``.
    splits : mapping of str to pd.DataFrame
        By protocol, as `read_splits` gives them.

    Returns
    -------
    pd.DataFrame
        By ``track_id``, ascending: the columns of the ledger, ``artist``, ``title``, ``genre`` as people read it, and
        the set of each protocol (`SET_COLUMN`), empty where the protocol leaves the track out.
    """
    track_ids = read_index(folder / TRACKS.relative_to(DATA))["track_id"].tolist()
    ledger = read_ledger(folder / WAVES.name, requested=track_ids).set_index("track_id").sort_index()
    names = read_names(folder / NAMES.relative_to(DATA)).set_index("track_id")
    sets = [split["set"].rename(SET_COLUMN.format(protocol)) for protocol, split in splits.items()]
    # a protocol leaves out the tracks whose genres have too few training tracks
    index = pd.concat([_genres_of_any(list(splits.values())), *sets], axis=1).reindex(ledger.index).fillna("")
    return ledger.join([names, index])


def _genres_of_any(splits: list[pd.DataFrame]) -> "pd.Series[str]":
    """Write the genres that any protocol gives each track: one may have left out a genre that another has."""
    task = task_of(splits[0])
    cells = pd.concat(splits)[task.column].reset_index().drop_duplicates()
    joined = cells.groupby("track_id")[[task.column]].agg(SEPARATOR.join)
    joined[task.column] = joined[task.column].map(lambda cell: task.text(task.parse(cell)))
    return genre_text(joined)
