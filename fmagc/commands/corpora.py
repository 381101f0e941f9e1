"""Look at a corpus before the pipeline is pointed at it: its layout, its tracks, and the protocol that suits it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from fmagc.corpus.data_home import list_files, require_layout, require_root
from fmagc.corpus.fma.genres import read_genres
from fmagc.corpus.fma.labels import LABELLINGS
from fmagc.corpus.fma.layout import METADATA, track_file
from fmagc.corpus.fma.tables import SUBSETS, read_tracks
from fmagc.corpus.left_out import count_reasons
from fmagc.corpus.local.file_names import needs_ffmpeg
from fmagc.corpus.local.track_table import LISTING
from fmagc.corpus.local.tracks import advise_multi, check_protocols, choose_genres, own_tracks
from fmagc.corpus.selection import split_table
from fmagc.errors import DataError, format_list, format_value
from fmagc.params.base import faults_of
from fmagc.params.corpus import DEMO, DOWNLOADS, Dataset, Index
from fmagc.paths import RAW
from fmagc.tasks.labels import SEPARATOR
from fmagc.tasks.task import TASKS, labels_of

__all__ = ["Corpus", "locate", "look_at"]

_TABLES = Path(METADATA[0]).parent.name
_LAYOUTS = {"fma": "FMA's layout", "folders": "a folder for each genre", "table": f"a table, {LISTING}"}


@dataclass(frozen=True)
class Corpus:
    """A corpus that was found, and the settings that suit it.

    Attributes
    ----------
    dataset : Dataset
    protocol : str
    subset, genres
        Of the block `index`.
    fallback : str or None
        Of the block `audio`, where the corpus needs another than params.yaml may have.
    summary : list of str
        What was found, a line each.
    """

    dataset: Dataset
    protocol: str
    subset: str
    genres: int | list[int | str] | None
    summary: list[str] = field(default_factory=list)
    fallback: str | None = None


def locate(corpus: str, *, root: Path | None, download: bool, mirror: str | None) -> Dataset:
    """Identify a corpus: one of FMA's sets by its name, or a folder and its layout.

    Raises
    ------
    DataError
        When `corpus` names neither, or a folder of FMA's tables has several audio folders next to it.
    """
    if corpus in DOWNLOADS and root is None and not download and not (RAW / corpus).is_dir():
        raise DataError(
            f"{corpus}: expected --download, which downloads it, or --root DIR, the folder that holds {corpus} and "
            f"{_TABLES}, found neither, and no {RAW / corpus}"
        )
    if root is not None or corpus in DOWNLOADS:
        if faults_of(Dataset, {"name": corpus, "root": None}):
            raise DataError(
                f"--root: expected it with the name of an audio folder beside {_TABLES}, such as fma_small, found it "
                f"with {format_value(corpus)}: leave --root out for a folder of your own music"
            )
        home = str(root.expanduser().resolve()) if root else None
        return Dataset(name=corpus, root=home, download=download, mirror=mirror)
    folder = Path(corpus).expanduser().resolve()
    if download:
        raise DataError(
            f"--download: expected {', '.join(DOWNLOADS)}, found {corpus}: only these can be downloaded; say where to "
            "with --root"
        )
    if not folder.is_dir():
        found = "a file" if folder.exists() else "none"
        raise DataError(
            f"{corpus}: expected a folder of music, or one of {', '.join(DOWNLOADS)} and demo, found {found} at "
            f"{folder}"
        )
    if (folder / _TABLES).is_dir() or any((folder / name).is_dir() for name in DOWNLOADS):
        return Dataset(name=_audio_folder(folder), root=str(folder))
    if (folder.parent / _TABLES).is_dir() and folder.name != _TABLES and not (folder / LISTING).is_file():
        return Dataset(name=folder.name, root=str(folder.parent))
    inner = [str(place) for place in sorted(folder.iterdir()) if (place / _TABLES).is_dir()]
    if inner and not (folder / LISTING).is_file():
        raise DataError(
            f"{folder}: expected one corpus, found FMA's layout inside {format_list(inner)}: name that folder"
        )
    return Dataset(
        name=_name_of(folder), root=str(folder), layout="table" if (folder / LISTING).is_file() else "folders"
    )


def look_at(dataset: Dataset, index: Index) -> Corpus:
    """List and count what a dataset holds, and choose protocol and subset.

    Nothing is written and no audio is read.

    Parameters
    ----------
    dataset : Dataset
    index : Index
        The settings to look by: `genres` is kept where the corpus has these genres, the others are kept in any case.

    Raises
    ------
    DataError
        Whatever is wrong with the folder: the message is that of the stages fetch and index.
    """
    if dataset.root is not None:
        require_root(dataset)
    home = Path(dataset.root) if dataset.root else RAW / dataset.name
    if dataset.download:
        there = [path for path in (dataset.name, *METADATA) if (home / path).exists()]
        summary = [f"{home}: the stage fetch downloads what is missing of {dataset.name} and of FMA's tables"]
        summary += [f"  already there: {', '.join(there)}"] if there else []
        return Corpus(dataset, "official", _subset_of(dataset.name) or index.subset, None, summary)
    require_layout(home, dataset)
    found = list_files(home, dataset.name, layout=dataset.layout)
    summary = [f"{home}: {_LAYOUTS[dataset.layout]}"]
    if dataset.layout == "fma":
        corpus = _look_at_fma(dataset, home, set(found.paths), index)
    else:
        corpus = _look_at_own(dataset, home, found.paths, index)
    summary += [f"  {text}" for text in found.describe()]
    n_foreign = sum(map(needs_ffmpeg, found.paths))
    if n_foreign:
        summary.append(f"  files that need ffmpeg, which has to be installed: {n_foreign}")
    fallback = "ffmpeg" if n_foreign else None
    return Corpus(
        dataset, corpus.protocol, corpus.subset, corpus.genres, summary[:1] + corpus.summary + summary[1:], fallback
    )


def _look_at_fma(dataset: Dataset, home: Path, paths: set[str], index: Index) -> Corpus:
    tree = read_genres(home / METADATA[1])
    labelling, genres = LABELLINGS[index.labels], index.genres
    try:
        tree.choose(genres)
    except DataError:  # those of another corpus
        genres = None
    tracks = read_tracks(home / METADATA[0], genres=tree, lists=labelling.lists(genres))
    tracks = labelling.label(tracks, tree, genres)
    tracks["there"] = [f"{dataset.name}/{track_file(track_id)}" in paths for track_id in tracks["track_id"]]
    ranks = tracks["subset"].map(SUBSETS.index)
    found = ranks[tracks["there"]]
    subset = _subset_of(dataset.name) or (SUBSETS[int(found.max())] if len(found) else index.subset)
    tracks = tracks[ranks <= SUBSETS.index(subset)]
    return Corpus(dataset, "official", subset, genres, _counts(tracks))


def _look_at_own(dataset: Dataset, home: Path, paths: Sequence[str], index: Index) -> Corpus:
    found = {"files": dict.fromkeys(paths), "layout": dataset.layout}
    tracks = own_tracks(home, found, task=TASKS[index.labels])
    genres = index.genres
    try:
        chosen = choose_genres(tracks, genres)
    except DataError:  # those of another corpus
        genres, chosen = None, choose_genres(tracks, None)
    kept = chosen[chosen["reason"] == ""].reset_index(drop=True)
    protocol, notes = _choose_protocol(kept, where=str(home), index=index)
    if labels_of(kept).members.sum(axis=1).max() == 1 and not TASKS[index.labels].exclusive:
        notes.append(f"no track has two genres, which a {SEPARATOR} would separate")
    advice = advise_multi(kept)
    if advice and not any(advice in note for note in notes):  # the refusal of a protocol may have it
        notes.append(advice)
    summary = _counts(chosen.assign(there=True)) + [f"  {note}" for note in notes]
    return Corpus(dataset, protocol, index.subset, genres, summary)


def _choose_protocol(tracks: pd.DataFrame, *, where: str, index: Index) -> tuple[str, list[str]]:
    """Choose the strictest protocol that the corpus allows, and list why the stricter ones do not suit it."""
    possible = [*(["official"] if tracks["split"].all() else []), *(["artist"] if any(tracks["artist"] != "") else [])]
    refused: list[str] = []
    for protocol in possible:
        try:
            _try(tracks, protocol, where=where, index=index)
        except DataError as error:
            refused.append(f"not {protocol}: {error}")
        else:
            return protocol, refused
    _try(tracks, "random", where=where, index=index)
    return "random", refused or ["no artist is known: tracks of one artist may be trained on and tested"]


def _try(tracks: pd.DataFrame, protocol: str, *, where: str, index: Index) -> None:
    check_protocols(tracks, [protocol], where=where, min_tracks=index.min_tracks)
    split_table(tracks, protocol, seed=index.seed, min_tracks=index.min_tracks, where=where)


def _counts(tracks: pd.DataFrame) -> list[str]:
    """Count the genres, tracks and artists of a run, and the tracks that it leaves out, a line each."""
    kept = tracks[tracks["reason"] == ""]
    found = kept[kept["there"]]
    sizes, n_missing = labels_of(found).count(found), len(kept) - len(found)
    known = found[found["artist"] != ""]
    unknown = len(found) - len(known)
    left_out = count_reasons(tracks.loc[tracks["reason"] != "", "reason"])
    return [
        f"  genres: {len(sizes)} ({format_list([f'{genre} {count}' for genre, count in sizes.items()])})",
        f"  tracks: {len(found)}" + (f", {n_missing} more have no file here" if n_missing else ""),
        *([f"  tracks left out: {left_out}"] if left_out else []),
        f"  artists: {known['artist_id'].nunique()}" + (f"; tracks without an artist: {unknown}" if unknown else ""),
    ]


def _subset_of(name: str) -> str | None:
    """Return the subset of FMA that an audio folder holds by its name."""
    return next((subset for subset in SUBSETS if name == f"fma_{subset}"), None)


def _audio_folder(folder: Path) -> str:
    """Find the one audio folder next to FMA's tables."""
    names = sorted(place.name for place in folder.iterdir() if place.is_dir() and _holds_audio(place))
    if len(names) > 1:
        raise DataError(
            f"{folder}: expected one audio folder beside {_TABLES}, found {format_list(names)}: name the one that you "
            f"mean, for instance `fmagc use {folder / names[0]}`"
        )
    return names[0] if names else DOWNLOADS[0]


def _holds_audio(folder: Path) -> bool:
    return folder.name in DOWNLOADS or any(re.fullmatch(r"\d{3}", place.name) for place in folder.iterdir())


def _name_of(folder: Path) -> str:
    """Derive a dataset's name from a folder's; it serves only for the link data/raw/<name>."""
    name = re.sub(r"[^a-z0-9_.-]+", "_", folder.name.lower()).strip("_.-")
    return name if name and name not in (DEMO, *DOWNLOADS) else f"my_{name or 'music'}"
