"""FMA's metadata tables, read without trust: every offending row is named before anything is written."""

import csv
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from fmagc.errors import DataError

__all__ = ["SUBSETS", "read_genres", "read_tracks"]

SUBSETS = ("small", "medium", "large", "full")  # ordered: each holds the ones before it
SPLITS = ("training", "validation", "test")
_SHOWN = 10
_COLUMNS = {
    ("set", "split"): "split",
    ("set", "subset"): "subset",
    ("track", "genre_top"): "genre",
    ("artist", "id"): "artist_id",
}


def read_tracks(path: Path) -> pd.DataFrame:
    """Read tracks.csv (three header rows, 52 columns).

    Returns
    -------
    pd.DataFrame
        One row a track, sorted by ``track_id`` (int): ``artist_id`` (int), ``genre`` (text, empty where FMA names no
        root genre), ``split``, ``subset``.

    Raises
    ------
    DataError
        With all offending rows: no FMA table, ids that are no numbers or occur twice, unknown splits or subsets.
    """
    places = _places(path)
    try:
        table = pd.read_csv(
            path, skiprows=3, header=None, usecols=[0, *places], dtype=str, keep_default_na=False, encoding="utf-8"
        )
    except (ValueError, UnicodeDecodeError) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"{path}: expected FMA's tracks.csv in UTF-8, found a fault: {error}") from None
    table = table.rename(columns={0: "track_id", **places})
    _refuse(path, table, ~table["track_id"].str.fullmatch(r"\d{1,9}"), "track_id", "a track number")
    _refuse(path, table, table["track_id"].duplicated(keep=False), "track_id", "every track once")
    _refuse(path, table, ~table["artist_id"].str.fullmatch(r"-?\d{1,9}"), "artist_id", "a number")
    _refuse(path, table, ~table["split"].isin(SPLITS), "split", f"one of {', '.join(SPLITS)}")
    _refuse(path, table, ~table["subset"].isin(SUBSETS), "subset", f"one of {', '.join(SUBSETS)}")
    table = table.astype({"track_id": int, "artist_id": int})
    return table.sort_values("track_id", ignore_index=True)


def read_genres(path: Path) -> list[str]:
    """Read the titles of genres.csv.

    Raises
    ------
    DataError
        When the file is not FMA's genres.csv.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected FMA's genres.csv in UTF-8, found a fault: {error}") from None
    if not {"genre_id", "parent", "title"} <= set(table.columns):
        raise DataError(
            f"{path}: expected FMA's genres.csv with genre_id, parent and title, found {_some(table.columns)}"
        )
    return list(table["title"])


def _places(path: Path) -> dict[int, str]:
    """Find the columns wanted by the two header rows that name them."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.reader(file)
            groups, names, ids = next(rows), next(rows), next(rows)
    except (StopIteration, UnicodeDecodeError, csv.Error):
        raise DataError(f"{path}: expected FMA's tracks.csv in UTF-8 with three header rows, found none") from None
    found = {pair: place for place, pair in enumerate(zip(groups, names, strict=False))}
    missing = [".".join(pair) for pair in _COLUMNS if pair not in found]
    if missing or ids[:1] != ["track_id"]:
        raise DataError(
            f"{path}: expected FMA's tracks.csv, found no column {_some(missing or ['track_id'])} in its header rows: "
            "is it another table?"
        )
    return {found[pair]: name for pair, name in _COLUMNS.items()}


def _refuse(path: Path, table: pd.DataFrame, bad: "pd.Series[bool]", column: str, expected: str) -> None:
    if bad.any():
        rows = [
            f"track {track!r}: {value!r}"
            for track, value in zip(table["track_id"][bad], table[column][bad], strict=True)
        ]
        raise DataError(f"{path}: column {column}: expected {expected}, found in {bad.sum()} rows {_some(rows)}")


def _some(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
