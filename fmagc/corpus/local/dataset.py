"""Read a dataset of your own in either layout: files, tracks, and the protocols that it allows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.corpus.local.file_list import FileList
from fmagc.corpus.local.file_names import fold_case, hashed_ids, require_utf8_names
from fmagc.corpus.local.genre_folders import find_files, read_folders
from fmagc.corpus.local.track_table import LISTING, read_listing
from fmagc.errors import DataError, format_list, format_value

__all__ = ["check_protocols", "choose_genres", "local_files", "own_tracks"]

_LEAST = 3  # tracks of a genre, or its artists: one for each set


def local_files(data_home: Path, *, layout: str) -> FileList:
    """Find the files of a dataset, the table among them, and what is passed over.

    Raises
    ------
    DataError
        As `genre_folders.find_files` and `track_table.read_listing` do.
    """
    require_utf8_names()
    if layout == "folders":
        return find_files(data_home)
    if not (data_home / LISTING).is_file():
        raise DataError(
            f"{data_home}: expected {LISTING} in dataset.root with the columns path and genre, found none: write one, "
            "or set dataset.layout to folders if there is one folder per genre"
        )
    return FileList([LISTING, *read_listing(data_home)["path"]])


def own_tracks(data_home: Path, manifest: dict[str, Any]) -> pd.DataFrame:
    """Read the tracks of a dataset.

    Parameters
    ----------
    data_home : Path
    manifest : dict
        As `corpus.data_home.scan_files` returns it.

    Returns
    -------
    pd.DataFrame
        Sorted by ``track_id`` (a hash of the path): ``path``, ``genre``, ``split`` (empty: none), ``artist`` (text),
        ``artist_id`` (a hash of the name; below zero for a track whose artist is not known, which is then an artist of
        its own), ``title`` (the path once more, by which people know a track).
    """
    require_utf8_names()
    tracks = read_folders(list(manifest["files"])) if manifest["layout"] == "folders" else read_listing(data_home)
    tracks["track_id"] = tracks["path"].map(hashed_ids(tracks["path"]))
    artists = hashed_ids({fold_case(artist) for artist in tracks["artist"]})
    known = tracks["artist"].map(fold_case).map(artists)
    tracks["artist_id"] = known.where(tracks["artist"] != "", -tracks["track_id"])
    return tracks.assign(title=tracks["path"]).sort_values("track_id", ignore_index=True)


def choose_genres(tracks: pd.DataFrame, choice: int | Sequence[int | str] | None) -> "pd.Series[str]":
    """Return why each track is left out where `index.genres` names some of the genres; empty for the others.

    Raises
    ------
    DataError
        For a level, which a dataset without a tree of genres does not have, and for names that are no genre's.
    """
    if choice is None:
        return pd.Series("", index=tracks.index, dtype=str)
    genres = sorted(tracks["genre"].unique())
    if isinstance(choice, int):
        raise DataError(f"index.genres: expected null or some of {format_list(genres)}, found the level {choice}")
    chosen = [str(name) for name in choice]  # a genre may be called 1970, which YAML takes for a number
    strangers = [format_value(name) for name in choice if str(name) not in genres]
    if strangers:
        raise DataError(
            f"index.genres: expected some of {format_list(genres)}, found {format_list(strangers)}: correct the list "
            "in params.yaml, or set it to null for all genres"
        )
    return tracks["genre"].isin(chosen).map({True: "", False: "no chosen genre"})


def check_protocols(tracks: pd.DataFrame, protocols: Sequence[str], *, where: str) -> None:
    """Refuse the protocols that a dataset of your own does not allow.

    Raises
    ------
    DataError
        When there is one genre alone; for official without a split; for artist where no artist is known; for a genre
        with fewer than three tracks, or under artist with fewer than three artists.
    """
    genres = sorted(tracks["genre"].unique())
    if len(genres) < 2:
        raise DataError(
            f"{where}: expected two genres or more, found {format_list(genres)}: add music of another genre"
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
    for protocol, column, what in (("random", "track_id", "tracks"), ("artist", "artist_id", "artists")):
        sizes = tracks.groupby("genre")[column].nunique()
        small = [f"{genre} has {count}" for genre, count in sizes.items() if count < _LEAST]
        if protocol in protocols and small:
            raise DataError(
                f"{where}, protocol {protocol}: expected {_LEAST} {what} or more of every genre, one for each set, "
                f"found {format_list(small)}: add {what}, or leave the genre out (index.genres names those to keep)"
            )
