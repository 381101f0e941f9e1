"""Find music in a folder for each genre, and name every mistake that such folders usually have.

rock/song.wav           a track of the genre rock whose artist nobody knows
rock/Band/song.mp3      the folder below a genre's is the artist; what lies deeper (albums) is the artist's too
"""

import os
from collections import Counter
from pathlib import Path

import pandas as pd

from fmagc.corpus.csv_reader import Faults
from fmagc.corpus.local.file_names import AUDIO_SUFFIXES, case_collisions, is_audio, is_hidden, is_invalid, walk
from fmagc.errors import DataError, format_list, format_value

__all__ = ["find_files", "read_folders"]

_ADVICE = "Mend the folder or dataset.root in params.yaml, then `dvc repro -f fetch` and `dvc repro`."


def find_files(data_home: Path) -> tuple[list[str], dict[str, int]]:
    """Find the music of a dataset with a folder for each genre.

    Returns
    -------
    paths : list of str
        Below the root, in order.
    ignored : dict of str to int
        How many hidden files and folders were passed over, and how many other files by suffix.

    Raises
    ------
    DataError
        With every name that is no UTF-8 or holds control characters, names that differ in case alone, folders that
        cannot be read, music outside the genres' folders, genres without music; or when there is one genre alone.
    """
    faults = Faults(data_home, advice=_ADVICE)
    paths, ignored = _walk(data_home, faults)
    genres = [place.name for place in sorted(data_home.iterdir()) if place.is_dir() and not is_hidden(place.name)]
    for path in paths:
        if "/" not in path:
            faults.add("expected every file of music in a genre's folder", f"{format_value(path)} beside the folders")
    for genre in genres:
        if not any(path.startswith(f"{genre}/") for path in paths):
            faults.add(
                f"expected music ({format_list(AUDIO_SUFFIXES)}) in every genre's folder",
                f"none in {format_value(genre)}",
            )
    for group in case_collisions([*genres, *paths, *_artists(paths)]):
        faults.add("expected names that differ in more than case", " and ".join(map(format_value, group)))
    faults.refuse()
    if len(genres) < 2:
        below = [place.name for place in sorted((data_home / genres[0]).iterdir()) if place.is_dir()] if genres else []
        place = Path(os.path.realpath(data_home))
        hint = f"set it to {place / genres[0]} if its folders are the genres" if below else "mend it or add folders"
        raise DataError(
            "dataset.root in params.yaml: expected a folder that holds one for each of two genres or more, found "
            f"{format_list(genres) or 'none'} in {place}: {hint}"
        )
    return paths, ignored


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


def _artists(paths: list[str]) -> list[str]:
    """List the artists' folders without their genres: an artist may have several."""
    return [path.split("/")[1] for path in paths if path.count("/") > 1]


def _walk(data_home: Path, faults: Faults) -> tuple[list[str], dict[str, int]]:
    """List music and count what is passed over."""
    paths: list[str] = []
    ignored: Counter[str] = Counter()

    def unreadable(error: OSError) -> None:
        faults.add("expected folders that can be read", f"{format_value(error.filename)}: {error.strerror}")

    def seemly(names: list[str], place: str) -> list[str]:
        ignored["hidden"] += sum(map(is_hidden, names))
        for name in filter(is_invalid, names):
            faults.add("expected names in UTF-8 without control characters", f"{os.fsencode(name)!r} in {place!a}")
        return [name for name in names if not is_hidden(name) and not is_invalid(name)]

    for place, folders, files in walk(data_home, onerror=unreadable):
        folders[:] = seemly(folders, place)
        for name in seemly(files, place):
            if is_audio(name):
                paths.append(Path(place, name).relative_to(data_home).as_posix())
            else:
                ignored[Path(name).suffix.lower() or "without suffix"] += 1
    return sorted(paths), dict(sorted((+ignored).items()))
