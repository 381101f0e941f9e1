"""Read the index: the requested tracks, their files and names, and the set of each."""

from pathlib import Path

import pandas as pd

from fmagc.errors import DataError
from fmagc.paths import NAMES, SPLITS, TRACKS

__all__ = ["genres_of", "read_index", "read_names", "read_split"]

_TRACK_TYPES = {"track_id": int, "path": str, "sha1": str, "listed_sha1": str}
_NAME_TYPES = {"track_id": int, "artist": str, "title": str}
_SPLIT_TYPES = {"track_id": int, "genre": str, "artist_id": int, "set": str}


def read_index(path: Path = TRACKS) -> pd.DataFrame:
    """Read data/index/tracks.csv."""
    return _read(path, _TRACK_TYPES)


def read_names(path: Path = NAMES) -> pd.DataFrame:
    """Read data/index/names.csv: the artist and title of each track."""
    return _read(path, _NAME_TYPES)


def read_split(protocol: str, *, folder: Path = SPLITS) -> pd.DataFrame:
    """Read data/index/splits/<protocol>.csv."""
    return _read(folder / f"{protocol}.csv", _SPLIT_TYPES)


def genres_of(split: pd.DataFrame) -> list[str]:
    """Return the classes in their order, which is alphabetical; a class is its position."""
    return sorted(split["genre"].unique())


def _read(path: Path, types: dict[str, type]) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=types, keep_default_na=False, encoding="utf-8")[list(types)]
    except (FileNotFoundError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: expected a table of the stage index, found a fault ({error}): run `dvc repro`"
        ) from None
