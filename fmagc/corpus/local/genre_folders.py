"""Find music in a folder for each genre, and name every mistake that such folders usually have.

rock/song.wav           a track of the genre rock whose artist nobody knows
rock/Band/song.mp3      the folder below a genre's is the artist; what lies deeper (albums) is the artist's too
"""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from fmagc.corpus.csv_reader import Faults
from fmagc.corpus.local.file_list import FileList
from fmagc.corpus.local.file_names import AUDIO_SUFFIXES, case_collisions, is_audio, is_hidden, is_invalid, walk
from fmagc.errors import DataError, format_list, format_value

__all__ = ["find_files", "read_folders"]

_ADVICE = "Correct the folder or dataset.root in params.yaml, then run `dvc repro -f fetch` and `dvc repro`."


def find_files(data_home: Path) -> FileList:
    """Find the music of a dataset with a folder for each genre.

    A file or folder that is reached more than once through links counts where it really lies (`file_names.walk`). A
    folder without music is no genre; it is named among what is passed over.

    Raises
    ------
    DataError
        With every name that is no UTF-8 or holds control characters, names that differ in case alone, folders that
        cannot be read, music outside the genres' folders; or when fewer than two folders hold music.
    """
    faults = Faults(data_home, advice=_ADVICE)
    found = _walk(data_home, faults)
    genres = [
        place.name
        for place in sorted(data_home.iterdir())
        if place.is_dir() and not is_hidden(place.name) and place.name not in found.skipped
    ]
    for path in found.paths:
        if "/" not in path:
            faults.add("expected every file of music in a genre's folder", f"{format_value(path)} beside the folders")
    held = {path.split("/")[0] for path in found.paths}
    found = replace(found, skipped={**found.skipped, **dict.fromkeys(sorted({*genres} - held), "no music in it")})
    genres = [genre for genre in genres if genre in held]
    for group in case_collisions([*genres, *found.paths, *_artists(found.paths)]):
        faults.add("expected names that differ in more than case", " and ".join(map(format_value, group)))
    faults.refuse()
    if len(genres) < 2:
        below = [place.name for place in sorted((data_home / genres[0]).iterdir()) if place.is_dir()] if genres else []
        place = Path(os.path.realpath(data_home))
        hint = f"set it to {place / genres[0]} if its folders are the genres" if below else "correct it or add folders"
        there = "; ".join([format_list(genres) or "none", *found.describe()])
        raise DataError(
            "dataset.root in params.yaml: expected a folder that holds one for each of two genres or more, with music "
            f"({format_list(AUDIO_SUFFIXES)}), found {there} in {place}: {hint}"
        )
    return found


def read_folders(paths: list[str]) -> pd.DataFrame:
    """Derive genres and artists from the paths.

    Returns
    -------
    pd.DataFrame
        ``path``, ``genre``, ``artist`` (empty: not known) and ``split`` (empty).
    """
    parts = [path.split("/") for path in paths]
    return pd.DataFrame(
        {
            "path": paths,
            "genre": [part[0] for part in parts],
            "artist": [part[1] if len(part) > 2 else "" for part in parts],
            "split": "",
        },
        dtype=str,
    )


def _artists(paths: Sequence[str]) -> list[str]:
    """List the artists' folders without their genres: an artist may have several."""
    return [path.split("/")[1] for path in paths if path.count("/") > 1]


def _walk(data_home: Path, faults: Faults) -> FileList:
    """List music, and what is passed over."""
    paths: list[str] = []
    ignored: Counter[str] = Counter()
    skipped: dict[str, str] = {}

    def below(place: Path) -> str:
        return place.relative_to(data_home).as_posix()

    def unreadable(error: OSError) -> None:
        faults.add("expected folders that can be read", f"{format_value(error.filename)}: {error.strerror}")

    def usable(names: list[str], place: str) -> list[str]:
        for name in filter(is_invalid, names):
            faults.add("expected names in UTF-8 without control characters", f"{os.fsencode(name)!r} in {place!a}")
        for name in filter(is_hidden, names):
            n_files = _count_music(Path(place, name))
            if n_files and not is_invalid(name):
                music = f"{n_files} file{'s' if n_files > 1 else ''} of music"
                skipped[below(Path(place, name))] = f"hidden, {music}: rename it"
            else:
                ignored["hidden"] += 1
        return [name for name in names if not is_hidden(name) and not is_invalid(name)]

    def linked(link: Path, place: Path) -> None:
        skipped[below(link)] = f"the same as {'the dataset root' if place == data_home else below(place)}"

    for place, folders, files in walk(data_home, onerror=unreadable, onlink=linked):
        folders[:] = usable(folders, place)
        for name in usable(files, place):
            if is_audio(name):
                paths.append(below(Path(place, name)))
            else:
                ignored[Path(name).suffix.lower() or "without suffix"] += 1
    repeated = _repeated_files(data_home, sorted(paths))
    skipped |= {link: f"the same as {path}" for link, path in repeated.items()}
    kept = sorted(set(paths) - set(repeated))
    return FileList(kept, dict(sorted((+ignored).items())), dict(sorted(skipped.items())))


def _count_music(place: Path) -> int:
    """Count the music that a hidden file or folder holds, without the `._song.mp3` that a Mac writes for each file."""
    if place.is_dir():
        return sum(_count_music(Path(folder, name)) for folder, _, files in os.walk(place) for name in files)
    return int(is_audio(place.name) and not place.name.startswith("._"))


def _repeated_files(data_home: Path, paths: list[str]) -> dict[str, str]:
    """Map each repeated file to the path under which it counts: the real file, or else the first link in order."""
    links = [path for path in paths if (data_home / path).is_symlink()]
    if not links:
        return {}
    first: dict[str, str] = {}
    for path in [*sorted(set(paths) - set(links)), *links]:
        first.setdefault(os.path.realpath(data_home / path), path)
    return {link: first[real] for link in links if first[real := os.path.realpath(data_home / link)] != link}
