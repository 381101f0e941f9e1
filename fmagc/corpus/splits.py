"""Who is trained on and who is tested: the protocols, and the audit of what they leak."""

from collections.abc import Callable
from typing import Any

import pandas as pd

__all__ = ["PROTOCOLS", "SETS", "audit"]

SETS = ("train", "val", "test")


def official(tracks: pd.DataFrame) -> "pd.Series[str]":
    """Return FMA's own split, which keeps artists apart."""
    return tracks["split"].map({"training": "train", "validation": "val", "test": "test"})


PROTOCOLS: dict[str, Callable[[pd.DataFrame], "pd.Series[str]"]] = {"official": official}


def audit(split: pd.DataFrame, sha1: "pd.Series[str]") -> dict[str, Any]:
    """Count what a split holds and what it leaks.

    Parameters
    ----------
    split : pd.DataFrame
        ``track_id``, ``genre``, ``artist_id``, ``set``.
    sha1 : pd.Series
        The checksum of each track's file by ``track_id``; empty where the file is missing.

    Returns
    -------
    dict
        ``tracks``, ``artists`` and ``genres`` by set; ``artists_shared`` and ``files_shared``: how many artists and
        how many byte-identical files lie in more than one set.
    """
    files = split.assign(sha1=split["track_id"].map(sha1)).query("sha1 != ''")
    return {
        "tracks": {name: int((split["set"] == name).sum()) for name in SETS},
        "artists": {name: int(split.loc[split["set"] == name, "artist_id"].nunique()) for name in SETS},
        "genres": {
            genre: {name: int((rows["set"] == name).sum()) for name in SETS} for genre, rows in split.groupby("genre")
        },
        "artists_shared": int((split.groupby("artist_id")["set"].nunique() > 1).sum()),
        "files_shared": int((files.groupby("sha1")["set"].nunique() > 1).sum()),
    }
