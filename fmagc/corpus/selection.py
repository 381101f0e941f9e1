"""Select the tracks of a run: the subset, its files, genres and sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.corpus.fma.genres import ROOT, Genre, GenreTree, label, read_genres
from fmagc.corpus.fma.layout import METADATA, track_file
from fmagc.corpus.fma.tables import SUBSETS, read_tracks
from fmagc.corpus.local.dataset import choose_genres, own_tracks
from fmagc.corpus.local.track_table import LISTING
from fmagc.corpus.splits import LEAKY, assign, empty_sets, shared_artists
from fmagc.errors import DataError, format_list
from fmagc.runtime.files import file_sha1

__all__ = ["Selection", "name_table", "select_tracks", "split_table"]

Choice = int | Sequence[int | str] | None


@dataclass(frozen=True, eq=False)
class Selection:
    """The tracks of a run.

    Attributes
    ----------
    files : pd.DataFrame
        ``track_id``, ``path`` below data/raw, ``sha1`` (empty: no such file), ``listed_sha1`` (empty: not listed).
    tracks : pd.DataFrame
        As `corpus.fma.tables.read_tracks` or `corpus.local.dataset.own_tracks`, the same tracks in the same order.
    left_out : pd.DataFrame
        ``track_id``, ``path`` and ``reason`` of the tracks that no class, or more than one, could be given.
    tree : GenreTree
        Of genres.csv, or roots alone for music of your own.
    """

    files: pd.DataFrame
    tracks: pd.DataFrame
    left_out: pd.DataFrame
    tree: GenreTree


def select_tracks(raw: Path, manifest: dict[str, Any], *, subset: str, genres: Choice = None) -> Selection:
    """Choose the tracks of a run, label them and find their files.

    Parameters
    ----------
    raw : Path
        The folder of dataset roots, data/raw.
    manifest : dict
        As `corpus.data_home.scan_files` returns it.
    subset : str
        FMA's subset, cumulative; a dataset of your own has none.
    genres : int or sequence of int and str, optional
        The classes: a level of genres.csv, or titles or ids. None: FMA's root genres, or all of one's own.

    Raises
    ------
    DataError
        When the tables have changed since fetch, contradict each other, or name no track of the subset or of a
        chosen genre.
    """
    name = manifest["dataset"]
    if manifest["layout"] == "fma":
        tree, tracks = _fma_tracks(raw / name, manifest, subset=subset, genres=genres)
    else:
        if LISTING in manifest["files"]:
            _unchanged(raw / name / LISTING, manifest["files"][LISTING]["sha1"])
        tracks = own_tracks(raw / name, manifest)
        tree = GenreTree(Genre(number, ROOT, title) for number, title in enumerate(tracks["genre"].unique(), 1))
        tracks["reason"] = choose_genres(tracks, genres)
    paths = tracks["path"]
    entries = [manifest["files"].get(path, {}) for path in paths]
    tracks["path"] = f"{name}/" + paths
    files = tracks[["track_id", "path"]].assign(
        sha1=[entry.get("sha1", "") for entry in entries],
        listed_sha1=[entry.get("listed_sha1", "") for entry in entries],
    )
    kept = tracks["reason"] == ""
    left_out = tracks.loc[~kept, ["track_id", "path", "reason"]].reset_index(drop=True)
    tracks = tracks[kept].drop(columns=["path", "reason"]).reset_index(drop=True)
    return Selection(files[kept].reset_index(drop=True), tracks, left_out, tree)


def _fma_tracks(
    data_home: Path, manifest: dict[str, Any], *, subset: str, genres: Choice
) -> tuple[GenreTree, pd.DataFrame]:
    for path in METADATA:
        _unchanged(data_home / path, manifest["files"].get(path, {}).get("sha1", ""))
    tree = read_genres(data_home / METADATA[1])
    tracks = read_tracks(data_home / METADATA[0], genres=tree, listed=genres is not None)
    tracks = tracks[tracks["subset"].map(SUBSETS.index) <= SUBSETS.index(subset)].reset_index(drop=True)
    if genres is None:
        tracks["reason"] = (tracks["genre"] == "").map({True: "no root genre", False: ""})
    else:
        tracks["genre"], tracks["reason"] = label(tracks, tree, genres)
        tracks = tracks.drop(columns="genres")
    if not (tracks["reason"] == "").any():
        raise DataError(
            f"{data_home / METADATA[0]}: expected tracks of the subset {subset} with a genre, found none: set "
            "index.subset in params.yaml to a larger one, or other index.genres"
        )
    chosen = [] if genres is None or isinstance(genres, int) else [tree[id_].title for id_ in tree.choose(genres)]
    empty = sorted(set(chosen) - set(tracks["genre"]))
    if empty:
        raise DataError(
            f"{data_home / METADATA[0]}: expected tracks of every genre of index.genres in the subset {subset}, found "
            f"none of {format_list(empty)}: take them out, or set index.subset to a larger one"
        )
    return tree, tracks.assign(path=[f"{data_home.name}/{track_file(track_id)}" for track_id in tracks["track_id"]])


def name_table(tracks: pd.DataFrame) -> pd.DataFrame:
    """Return ``track_id``, ``artist`` and ``title``: free text, of which runs of white space become one blank."""
    one_line = {column: tracks[column].str.split().str.join(" ") for column in ("artist", "title")}
    return tracks[["track_id"]].assign(**one_line)


def split_table(tracks: pd.DataFrame, protocol: str, *, seed: int, where: str = METADATA[0]) -> pd.DataFrame:
    """Return one protocol's table: ``track_id``, ``genre``, ``artist_id``, ``set``.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `select_tracks` gives them.
    protocol : str
        Of `corpus.splits.PROTOCOLS`.
    seed : int
        Of the protocols that draw.
    where : str
        What messages call the corpus.

    Raises
    ------
    DataError
        When there is one genre alone, or one has no track in some set: it could be neither learnt nor tested. When an
        artist is in several sets although the protocol keeps artists apart.
    """
    split = tracks[["track_id", "genre", "artist_id"]].assign(set=assign(tracks, protocol, seed=seed))
    where = f"{where}, protocol {protocol}"
    if split["genre"].nunique() < 2:
        raise DataError(
            f"{where}: expected two genres or more, found {format_list(set(split['genre']))}: take another "
            "index.subset or another corpus"
        )
    empty = empty_sets(split["genre"], split["set"].to_numpy())
    if empty:
        raise DataError(
            f"{where}: expected tracks of every genre in every set, found {format_list(empty)}: give the sets such "
            "tracks (a genre needs three tracks, and three artists where artists are kept apart), or take the genre's "
            "tracks out of the table"
        )
    leaks = [] if protocol in LEAKY else shared_artists(split.assign(artist=tracks["artist"]))
    if leaks:
        raise DataError(
            f"{where}: expected every artist in one set alone, found {len(leaks)} in several: {format_list(leaks)}: "
            "correct artists or sets in the table (FMA's: artist.id and set.split; a dataset of your own: artist "
            "and split), or set run.protocols and compare.protocol to artist, which draws its own split"
        )
    return split


def _unchanged(path: Path, sha1: str) -> None:
    found = file_sha1(path) if path.is_file() else "no file"
    if found != sha1:
        raise DataError(
            f"{path}: expected the file that fetch saw (sha1 {sha1}), found {found}: run `dvc repro -f fetch`, then "
            "`dvc repro`"
        )
