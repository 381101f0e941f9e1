"""Select the tracks of a run: the subset, its files, genres and sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.corpus.fma.genres import ROOT, Genre, GenreTree, read_genres
from fmagc.corpus.fma.labels import LABELLINGS
from fmagc.corpus.fma.layout import METADATA, track_file
from fmagc.corpus.fma.tables import SUBSETS, read_tracks
from fmagc.corpus.local.track_table import LISTING
from fmagc.corpus.local.tracks import advise_multi, choose_genres, own_tracks
from fmagc.corpus.splits import LEAKY, SETS, assign, empty_sets, shared_artists
from fmagc.errors import DataError, format_list
from fmagc.runtime.files import file_sha1
from fmagc.tasks.task import TASKS, Task, task_of

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
        The same tracks in the same order: ``track_id``, ``genre`` or ``genres`` by the task, ``artist_id``, ``split``,
        ``artist``, ``title``, as `corpus.fma.tables.read_tracks` or `corpus.local.tracks.own_tracks` describe them.
    left_out : pd.DataFrame
        ``track_id``, ``path`` and ``reason`` of the tracks that no class, or more than one, could be given.
    tree : GenreTree
        Of genres.csv, or roots alone for music of your own.
    """

    files: pd.DataFrame
    tracks: pd.DataFrame
    left_out: pd.DataFrame
    tree: GenreTree


def select_tracks(
    raw: Path, manifest: dict[str, Any], *, subset: str, genres: Choice = None, labels: str = "single"
) -> Selection:
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
        The classes: a level of genres.csv, or titles or ids. None: FMA's root genres where a track has one genre,
        otherwise all.
    labels : str
        Of `fmagc.tasks.task.TASKS`.

    Raises
    ------
    DataError
        When the tables have changed since fetch, contradict each other, or name no track of the subset or of a
        chosen genre.
    """
    name, task = manifest["dataset"], TASKS[labels]
    if manifest["layout"] == "fma":
        tree, tracks = _fma_tracks(raw / name, manifest, subset=subset, genres=genres, task=task)
    else:
        if LISTING in manifest["files"]:
            _unchanged(raw / name / LISTING, manifest["files"][LISTING]["sha1"])
        tracks = own_tracks(raw / name, manifest, task=task)
        tree = GenreTree(Genre(number, ROOT, title) for number, title in enumerate(task.labels(tracks).genres, 1))
        tracks = choose_genres(tracks, genres)
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
    data_home: Path, manifest: dict[str, Any], *, subset: str, genres: Choice, task: Task
) -> tuple[GenreTree, pd.DataFrame]:
    for path in METADATA:
        _unchanged(data_home / path, manifest["files"].get(path, {}).get("sha1", ""))
    tree, labelling = read_genres(data_home / METADATA[1]), LABELLINGS[task.name]
    tracks = read_tracks(data_home / METADATA[0], genres=tree, lists=labelling.lists(genres))
    tracks = tracks[tracks["subset"].map(SUBSETS.index) <= SUBSETS.index(subset)].reset_index(drop=True)
    tracks = labelling.label(tracks, tree, genres)
    kept = tracks[tracks["reason"] == ""]
    if kept.empty:
        raise DataError(
            f"{data_home / METADATA[0]}: expected tracks of the subset {subset} with a genre, found none: set "
            "index.subset in params.yaml to a larger one, or other index.genres"
        )
    chosen = [] if genres is None or isinstance(genres, int) else [tree[id_].title for id_ in tree.choose(genres)]
    empty = sorted(set(chosen) - set(task.labels(kept).genres))
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


def split_table(
    tracks: pd.DataFrame, protocol: str, *, seed: int, min_tracks: int = 1, where: str = METADATA[0]
) -> pd.DataFrame:
    """Return one protocol's table: ``track_id``, ``genre`` or ``genres``, ``artist_id``, ``set``.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `select_tracks` gives them.
    protocol : str
        Of `corpus.splits.PROTOCOLS`.
    seed : int
        Of the protocols that draw.
    min_tracks : int
        Genres with fewer training tracks are left out, and so are the tracks that then carry none.
    where : str
        What messages call the corpus.

    Raises
    ------
    DataError
        When there is one genre alone, or, where the task needs every genre in every set, one has no track in some set:
        it could be neither learnt nor tested. When an artist is in several sets although the protocol keeps artists
        apart.
    """
    where, task = f"{where}, protocol {protocol}", task_of(tracks)
    # what cannot have as many in training must not bear on the draw
    candidates = _without_rare(tracks, tracks, min_tracks=min_tracks, where=where)
    columns = ["track_id", task.column, "artist_id"]
    split = candidates[columns].assign(set=assign(candidates, protocol, seed=seed))
    split = _without_rare(split, split[split["set"] == "train"], min_tracks=min_tracks, where=where)
    empty = empty_sets(split) if task.needs_every_genre else []
    if empty:
        several = f"; {advice}" if (advice := advise_multi(split)) else ""
        raise DataError(
            f"{where}: expected tracks of every genre in every set, found {format_list(empty)}: give the sets such "
            "tracks (a genre needs three tracks, and three artists where artists are kept apart), or take the genre's "
            f"tracks out of the table{several}"
        )
    unfilled = [name for name in SETS if name not in split["set"].array]
    if unfilled:
        raise DataError(
            f"{where}: expected in every set tracks of genres that training tracks carry, found none in "
            f"{format_list(unfilled)}: correct the sets in the table, choose other index.genres or a smaller "
            "index.min_tracks, or set run.protocols and compare.protocol to artist, which draws its own split"
        )
    leaks = [] if protocol in LEAKY else shared_artists(split.assign(artist=tracks["artist"]))
    if leaks:
        raise DataError(
            f"{where}: expected every artist in one set alone, found {len(leaks)} in several: {format_list(leaks)}: "
            "correct artists or sets in the table (FMA's: artist.id and set.split; a dataset of your own: artist "
            "and split), or set run.protocols and compare.protocol to artist, which draws its own split"
        )
    return split.reset_index(drop=True)


def _without_rare(tracks: pd.DataFrame, counted: pd.DataFrame, *, min_tracks: int, where: str) -> pd.DataFrame:
    """Leave out the genres that fewer of the counted tracks carry; where every set needs every genre, not one of none.

    Raises
    ------
    DataError
        When fewer than two genres are left.
    """
    task = task_of(tracks)
    sizes = task.labels(tracks).count(counted)
    kept = [genre for genre, n in sizes.items() if n >= min_tracks or (n == 0 and task.needs_every_genre)]
    if len(kept) < 2:
        raise DataError(
            f"{where}: expected two genres or more, found {format_list(kept) or 'none'}: take another index.subset, "
            "another corpus or a smaller index.min_tracks"
        )
    cells = task.keep(tracks[task.column], kept)
    return tracks.assign(**{task.column: cells})[cells != ""]


def _unchanged(path: Path, sha1: str) -> None:
    found = file_sha1(path) if path.is_file() else "no file"
    if found != sha1:
        raise DataError(
            f"{path}: expected the file that fetch saw (sha1 {sha1}), found {found}: run `dvc repro -f fetch`, then "
            "`dvc repro`"
        )
