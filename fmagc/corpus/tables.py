"""FMA's metadata tables, read without trust: every offending row is named before anything is written."""

import re
from collections import defaultdict
from collections.abc import Collection
from itertools import islice
from pathlib import Path

import pandas as pd

from fmagc.corpus.records import Faults, records
from fmagc.errors import shown, some

__all__ = ["SUBSETS", "read_genres", "read_tracks"]

SUBSETS = ("small", "medium", "large", "full")  # ordered: each holds the ones before it
SPLITS = ("training", "validation", "test")
_WITHOUT_GENRE = (
    "large",
    "full",
)  # where half of FMA's tracks have no root genre; in the smaller subsets none lacks one
_COLUMNS = {
    "track_id": "track_id",
    "artist.id": "artist_id",
    "set.split": "split",
    "set.subset": "subset",
    "track.genre_top": "genre",
    "artist.name": "artist",
    "track.title": "title",
}
_NUMBER = re.compile(r"[0-9]{1,9}")
_SIGNED = re.compile(r"-?[0-9]{1,9}")


def read_tracks(path: Path, *, genres: Collection[str]) -> pd.DataFrame:
    """Read tracks.csv (three header rows, 52 columns).

    Of the columns that nobody needs, FMA's lists among them, only the lengths are looked at: no cell is evaluated.

    Parameters
    ----------
    path : Path
    genres : collection of str
        The root genres, as `read_genres` gives them.

    Returns
    -------
    pd.DataFrame
        One row a track, sorted by ``track_id`` (int): ``artist_id`` (int), ``genre`` (text, empty where FMA names no
        root genre), ``split``, ``subset``; ``artist`` and ``title`` are free text, which may be empty.

    Raises
    ------
    DataError
        With all offending rows: no FMA table, ids that are no numbers or occur twice, unknown splits, subsets or
        genres, rows cut short, bytes that are no UTF-8, cells longer than any text.
    """
    faults = Faults(path)
    rows = records(path, faults)
    header = [cells for _, cells in islice(rows, 3)]
    places = _places(header, faults)
    faults.refuse()
    expected = {
        "track_id": "a track's number",
        "artist.id": "a number",
        "set.split": f"one of {some(SPLITS)}",
        "set.subset": f"one of {some(SUBSETS)}",
        "track.genre_top": f"a root genre of genres.csv ({some(genres)}), or none in {' and '.join(_WITHOUT_GENRE)}",
    }
    lines = defaultdict(list)
    tracks = []
    for line, cells in rows:
        if len(cells) != len(header[0]):
            faults.add(f"expected {len(header[0])} cells a row", f"{len(cells)} in line {line}")
            continue
        track = {column: cells[place] for column, place in places.items()}
        for column in _offences(track, genres):
            found = f"{shown(track[column])} in line {line} (track {shown(track['track_id'])})"
            faults.add(f"column {column}: expected {expected[column]}", found)
        if _NUMBER.fullmatch(track["track_id"]):
            lines[int(track["track_id"])].append(str(line))
        tracks.append(track)
    for track_id, numbers in lines.items():
        if len(numbers) > 1:
            faults.add("column track_id: expected every track once", f"track {track_id} in lines {some(numbers)}")
    faults.refuse()
    table = pd.DataFrame(tracks, columns=list(_COLUMNS)).rename(columns=_COLUMNS)
    return table.astype({"track_id": int, "artist_id": int}).sort_values("track_id", ignore_index=True)


def read_genres(path: Path) -> list[str]:
    """Read from genres.csv the titles of the root genres, the only ones that a track's genre_top may name.

    Raises
    ------
    DataError
        With all offending rows, or when the file is not FMA's genres.csv.
    """
    faults = Faults(path)
    rows = records(path, faults)
    _, header = next(rows, (1, []))
    wanted = ("genre_id", "parent", "title")
    missing = [column for column in wanted if column not in header]
    if missing:
        _wrong_table(faults, missing, header)
    faults.refuse()
    lines = defaultdict(list)
    roots = []
    for line, cells in rows:
        if len(cells) != len(header):
            faults.add(f"expected {len(header)} cells a row", f"{len(cells)} in line {line}")
            continue
        genre_id, parent, title = (cells[header.index(column)] for column in wanted)
        for column, value in (("genre_id", genre_id), ("parent", parent)):
            if not _NUMBER.fullmatch(value):
                faults.add(f"column {column}: expected a genre's number", f"{shown(value)} in line {line}")
        if not title:
            faults.add("column title: expected a name", f"none in line {line} (genre {shown(genre_id)})")
        lines[genre_id].append(str(line))
        roots += [title] if parent == "0" else []
    for genre_id, numbers in lines.items():
        if len(numbers) > 1:
            faults.add("column genre_id: expected every genre once", f"{shown(genre_id)} in lines {some(numbers)}")
    if not roots:
        faults.add("column parent: expected 0 for every root genre", "no root genre")
    faults.refuse()
    return roots


def _offences(track: dict[str, str], genres: Collection[str]) -> list[str]:
    """Name the columns in which a track holds what cannot be."""
    holds = {
        "track_id": _NUMBER.fullmatch(track["track_id"]),
        "artist.id": _SIGNED.fullmatch(track["artist.id"]),
        "set.split": track["set.split"] in SPLITS,
        "set.subset": track["set.subset"] in SUBSETS,
        "track.genre_top": track["track.genre_top"] in genres
        or (not track["track.genre_top"] and track["set.subset"] in _WITHOUT_GENRE),
    }
    return [column for column, held in holds.items() if not held]


def _places(header: list[list[str]], faults: Faults) -> dict[str, int]:
    """Find the columns wanted by the header rows: two that name them, and one that names the first."""
    if len(header) < 3:
        faults.add("expected FMA's three header rows", f"{len(header)} rows in all")
        return {}
    groups, names, ids = header
    columns = [ids[0], *(".".join(pair) for pair in list(zip(groups, names, strict=False))[1:])]
    missing = [column for column in _COLUMNS if column not in columns]
    if missing:
        _wrong_table(faults, missing, columns)
        return {}
    return {column: columns.index(column) for column in _COLUMNS}


def _wrong_table(faults: Faults, missing: list[str], columns: list[str]) -> None:
    faults.add(
        f"expected the columns {some(missing)}", f"{len(columns)} others, {shown(columns)}: is it another table?"
    )
