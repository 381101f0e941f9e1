"""Reader of FMA's tracks.csv, which names every offending row before anything is written."""

import re
from collections import defaultdict
from collections.abc import Collection
from itertools import islice
from pathlib import Path

import pandas as pd

from fmagc.corpus.csv_reader import Faults, records
from fmagc.corpus.fma.genres import GenreTree
from fmagc.errors import format_list, format_value

__all__ = ["SUBSETS", "read_tracks"]

SUBSETS = ("small", "medium", "large", "full")  # ordered: each holds the ones before it
SPLITS = ("training", "validation", "test")
_WITHOUT_GENRE = ("large", "full")  # where half of FMA's tracks have no root genre; in small and medium none lacks one
_COLUMNS = {
    "track_id": "track_id",
    "artist.id": "artist_id",
    "set.split": "split",
    "set.subset": "subset",
    "track.genre_top": "genre",
    "artist.name": "artist",
    "track.title": "title",
}
_LISTS = {"track.genres": "genres", "track.genres_all": "genres_all"}  # read only where labels are made of them
_LIST = re.compile(r"\[([0-9]{1,9}(?:, ?[0-9]{1,9})*)?\]")  # FMA's lists are parsed, never evaluated
_NUMBER = re.compile(r"[0-9]{1,9}")
_SIGNED = re.compile(r"-?[0-9]{1,9}")


def read_tracks(path: Path, *, genres: GenreTree, lists: Collection[str] = ()) -> pd.DataFrame:
    """Read tracks.csv (three header rows, 52 columns).

    Of unused columns only the length of the cells is checked. No cell is evaluated.

    Parameters
    ----------
    path : Path
    genres : GenreTree
        As `fmagc.corpus.fma.genres.read_genres` returns them.
    lists : collection of str
        Of ``genres`` and ``genres_all``, the lists to read in addition to a track's root genre. ``genres_all`` must
        hold the genres of ``genres`` with all those above them in `genres`, in any order.

    Returns
    -------
    pd.DataFrame
        One row per track, sorted by ``track_id`` (int): ``artist_id`` (int), ``genre`` (text, empty where FMA names no
        root genre), ``split``, ``subset``; ``artist`` and ``title`` are free text, which may be empty; of each of
        `lists`, a tuple of ids.

    Raises
    ------
    DataError
        With all offending rows, or when the file is not FMA's tracks.csv: ids that are no numbers or occur twice,
        unknown splits, subsets or genres, lists that contradict genres.csv, rows cut short, bytes that are not UTF-8,
        cells that are too long.
    """
    faults = Faults(path)
    rows = records(path, faults)
    wanted = _COLUMNS | {column: name for column, name in _LISTS.items() if name in lists}
    roots, without = set(genres.roots), " and ".join(_WITHOUT_GENRE)
    header = [cells for _, cells in islice(rows, 3)]
    places = _places(header, wanted, faults)
    faults.refuse()
    expected = {
        "track_id": "a track's number",
        "artist.id": "a number",
        "set.split": f"one of {format_list(SPLITS)}",
        "set.subset": f"one of {format_list(SUBSETS)}",
        "track.genre_top": f"a root genre of genres.csv ({format_list(genres.roots)}), or none in {without}",
        "track.genres": "a list of ids of genres.csv, as [12, 25]",
        "track.genres_all": "the ids of track.genres and of all genres above them in genres.csv",
    }
    lines = defaultdict(list)
    tracks = []
    for line, cells in rows:
        if len(cells) != len(header[0]):
            faults.add(f"expected {len(header[0])} cells a row", f"{len(cells)} in line {line}")
            continue
        track = {column: cells[place] for column, place in places.items()}
        for column in _offences(track, roots, genres):
            found = f"{format_value(track[column])} in line {line} (track {format_value(track['track_id'])})"
            faults.add(f"column {column}: expected {expected[column]}", found)
        if _NUMBER.fullmatch(track["track_id"]):
            lines[int(track["track_id"])].append(str(line))
        tracks.append(track)
    for track_id, numbers in lines.items():
        if len(numbers) > 1:
            faults.add(
                "column track_id: expected every track once", f"track {track_id} in lines {format_list(numbers)}"
            )
    faults.refuse()
    table = pd.DataFrame(tracks, columns=list(wanted)).rename(columns=wanted)
    for name in lists:
        table[name] = table[name].map(_ids_of)
    return table.astype({"track_id": int, "artist_id": int}).sort_values("track_id", ignore_index=True)


def _offences(track: dict[str, str], roots: Collection[str], genres: GenreTree) -> list[str]:
    """Name the columns whose value is invalid for a track."""
    ids = _ids_of(track.get("track.genres", "[]"))
    holds = {
        "track_id": _NUMBER.fullmatch(track["track_id"]),
        "artist.id": _SIGNED.fullmatch(track["artist.id"]),
        "set.split": track["set.split"] in SPLITS,
        "set.subset": track["set.subset"] in SUBSETS,
        "track.genre_top": track["track.genre_top"] in roots
        or (not track["track.genre_top"] and track["set.subset"] in _WITHOUT_GENRE),
        "track.genres": ids is not None and all(genre_id in genres for genre_id in ids),
    }
    if ids is not None and holds["track.genres"] and "track.genres_all" in track:
        closure = _ids_of(track["track.genres_all"])
        holds["track.genres_all"] = closure is not None and frozenset(closure) == genres.closure(ids)
    return [column for column, held in holds.items() if not held]


def _ids_of(text: str) -> tuple[int, ...] | None:
    """Parse FMA's list of genres; None for what is no such list."""
    match = _LIST.fullmatch(text)
    return tuple(int(number) for number in match[1].split(",")) if match and match[1] else () if match else None


def _places(header: list[list[str]], wanted: Collection[str], faults: Faults) -> dict[str, int]:
    """Find the wanted columns by the three header rows: two name the columns, one names the first."""
    if len(header) < 3:
        faults.add("expected FMA's three header rows", f"{len(header)} rows in all")
        return {}
    groups, names, ids = header
    columns = [ids[0], *(".".join(pair) for pair in list(zip(groups, names, strict=False))[1:])]
    faults.repeated_columns(columns)
    missing = [column for column in wanted if column not in columns]
    if missing:
        faults.wrong_table(missing, columns)
        return {}
    return {column: columns.index(column) for column in wanted}
