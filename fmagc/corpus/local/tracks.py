"""Read the tracks of a dataset of your own in either layout, and the protocols that it allows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.corpus.csv_reader import Faults
from fmagc.corpus.left_out import reason_of
from fmagc.corpus.local.file_names import case_collisions, fold_case, hashed_ids, require_utf8_names
from fmagc.corpus.local.genre_folders import read_folders
from fmagc.corpus.local.track_table import LISTING, read_listing
from fmagc.errors import DataError, format_list, format_value
from fmagc.tasks.labels import SEPARATOR
from fmagc.tasks.task import Task, task_of

__all__ = ["advise_multi", "check_protocols", "choose_genres", "own_tracks"]

_ADVICE = "Correct the table or the folders, then run `dvc repro -f fetch` and `dvc repro`."
_LEAST = 3  # tracks of a genre, or its artists: one for each set


def own_tracks(data_home: Path, manifest: dict[str, Any], *, task: Task) -> pd.DataFrame:
    """Read the tracks of a dataset.

    Parameters
    ----------
    data_home : Path
    manifest : dict
        As `corpus.data_home.scan_files` returns it.
    task : Task
        Reads the genre that a table or folder names; with several, semicolons separate them.

    Returns
    -------
    pd.DataFrame
        Sorted by ``track_id`` (a hash of the path): ``path``, the column of the task (empty: no genre),
        ``split`` (empty: none), ``artist`` (text), ``artist_id`` (a hash of the name; below zero for a track whose
        artist is not known, which is then an artist of its own), ``title`` (the path once more, by which people know a
        track).

    Raises
    ------
    DataError
        As `track_table.read_listing`; with all cells in which a genre has no name, and all genres whose names differ in
        case alone.
    """
    require_utf8_names()
    if manifest["layout"] == "folders":
        tracks, where = read_folders(list(manifest["files"])), data_home
    else:
        tracks, where = read_listing(data_home), data_home / LISTING
    cells = _genre_cells(tracks, task, where=where)
    tracks = tracks.drop(columns="genre").assign(**{task.column: cells})
    tracks["track_id"] = tracks["path"].map(hashed_ids(tracks["path"]))
    artists = hashed_ids({fold_case(artist) for artist in tracks["artist"]})
    known = tracks["artist"].map(fold_case).map(artists)
    tracks["artist_id"] = known.where(tracks["artist"] != "", -tracks["track_id"])
    return tracks.assign(title=tracks["path"]).sort_values("track_id", ignore_index=True)


def choose_genres(tracks: pd.DataFrame, choice: int | Sequence[int | str] | None) -> pd.DataFrame:
    """Leave each track those of its genres that `index.genres` names.

    Returns
    -------
    pd.DataFrame
        `tracks` with ``reason``: why a track is left out; empty for the others.

    Raises
    ------
    DataError
        For a level, which a dataset without a tree of genres does not have, for names that are no genre's, and for
        those that are named twice.
    """
    task = task_of(tracks)
    genres = task.labels(tracks).genres
    if isinstance(choice, int):
        raise DataError(f"index.genres: expected null or some of {format_list(genres)}, found the level {choice}")
    chosen = [str(name) for name in choice or genres]  # a genre may be called 1970, which YAML takes for a number
    strangers = [format_value(name) for name in choice or () if str(name) not in genres]
    if strangers:
        raise DataError(
            f"index.genres: expected some of {format_list(genres)}, found {format_list(strangers)}: correct the list "
            "in params.yaml, or set it to null for all genres"
        )
    twice = sorted({name for name in chosen if chosen.count(name) > 1})
    if twice:
        raise DataError(f"index.genres: expected every genre once, found {format_list(twice)} more than once")
    cells = task.keep(tracks[task.column], chosen)
    reason = [reason_of(cell, listed) for cell, listed in zip(cells, tracks[task.column], strict=True)]
    return tracks.assign(**{task.column: cells}, reason=reason)


def check_protocols(tracks: pd.DataFrame, protocols: Sequence[str], *, where: str, min_tracks: int = 1) -> None:
    """Refuse the protocols that a dataset of your own does not allow.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `choose_genres` gives them, without those that are left out.
    protocols : sequence of str
    where : str
        What messages call the dataset.
    min_tracks : int
        Genres with fewer tracks are passed over: no split has them.

    Raises
    ------
    DataError
        When there is one genre alone; for official without a split; for artist where no artist is known; where every
        set needs every genre, for a genre with fewer than three tracks, or under artist with fewer than three artists.
    """
    task = task_of(tracks)
    genres = task.labels(tracks).genres
    several = f"; {advice}" if (advice := advise_multi(tracks)) else ""
    if len(genres) < 2:
        raise DataError(
            f"{where}: expected two genres or more, found {format_list(genres)}: add music of another genre{several}"
        )
    if "official" in protocols and not tracks["split"].all():
        raise DataError(
            f"{where}, protocol official: expected a column split with training, validation or test, found none: "
            "add it (dataset.layout: table), or set run.protocols and compare.protocol to random, or to artist where "
            "artists are known"
        )
    known = (tracks["artist"] != "").any()
    if "artist" in protocols and not known:
        raise DataError(
            f"{where}, protocol artist: expected artists, found none: name them in a column artist "
            "(dataset.layout: table) or give each a folder within the genre's (folders), or set run.protocols "
            "and compare.protocol to random"
        )
    if not task.needs_every_genre:
        return
    frequent = tracks[tracks.groupby(task.column)[task.column].transform("size") >= min_tracks]
    for protocol, column, what in (("random", "track_id", "tracks"), ("artist", "artist_id", "artists")):
        sizes = frequent.groupby(task.column)[column].nunique()
        small = [f"{genre} has {count}" for genre, count in sizes.items() if count < _LEAST]
        if protocol in protocols and small:
            raise DataError(
                f"{where}, protocol {protocol}: expected {_LEAST} {what} or more of every genre, one for each set, "
                f"found {format_list(small)}: add {what}, or leave the genre out (index.genres names those to "
                f"keep){several}"
            )


def advise_multi(tracks: pd.DataFrame) -> str:
    """Name the setting that reads several genres, where those of a track may have been taken for the name of one.

    Returns
    -------
    str
        Empty where no genre's name holds the separator.
    """
    if not any(SEPARATOR in genre for genre in task_of(tracks).labels(tracks).genres):
        return ""
    return f"where {SEPARATOR} separates the genres of a track, set index.labels to multi (`fmagc use --labels multi`)"


def _genre_cells(tracks: pd.DataFrame, task: Task, *, where: Path) -> "pd.Series[str]":
    """Read the genres of each track, and write them as the table of a split has them."""
    faults = Faults(where, advice=_ADVICE)
    names = {cell: [name.strip() for name in task.parse(cell)] for cell in tracks["genre"].unique()}
    for cell, path in zip(tracks["genre"], tracks["path"], strict=True):
        if not all(names[cell]):
            faults.add(
                f"genre: expected names, with one {SEPARATOR} between two",
                f"{format_value(cell)} ({format_value(path)})",
            )
    for group in case_collisions(name for own in names.values() for name in own):
        faults.add("genre: expected names that differ in more than case", " and ".join(map(format_value, group)))
    faults.refuse()
    return tracks["genre"].map({cell: task.text(own) for cell, own in names.items()})
