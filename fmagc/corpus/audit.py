"""Audit a split: count what its sets hold and what they share."""

from typing import Any

import pandas as pd

from fmagc.corpus.splits import SETS

__all__ = ["audit", "describe_audit"]


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
        ``tracks`` and ``artists`` by set, in all and for each of the ``genres``; ``artists_shared`` and
        ``files_shared``: how many artists and how many byte-identical files lie in more than one set;
        ``test_share_with_artist_in_train``: the part of the test tracks whose artist was trained on;
        ``artists_unknown``: tracks whose artist is not known (an id below zero), each counted as one of its own.
    """
    files = split.assign(sha1=split["track_id"].map(sha1)).query("sha1 != ''")
    test, train = (split.loc[split["set"] == name, "artist_id"] for name in ("test", "train"))
    return {
        **_sizes(split),
        "genres": {genre: _sizes(rows) for genre, rows in split.groupby("genre")},
        "artists_shared": int((split.groupby("artist_id")["set"].nunique() > 1).sum()),
        "files_shared": int((files.groupby("sha1")["set"].nunique() > 1).sum()),
        "test_share_with_artist_in_train": round(float(test.isin(train).mean()), 6),
        "artists_unknown": int((split["artist_id"] < 0).sum()),
    }


def describe_audit(protocol: str, found: dict[str, Any]) -> list[str]:
    """Write what `audit` counted as lines for people."""
    lines = [
        f"{protocol}: {found['tracks']} tracks, {len(found['genres'])} genres, "
        f"{found['artists_shared']} artists and {found['files_shared']} files in more than one set, "
        f"{found['test_share_with_artist_in_train']:.1%} of test tracks by artists in training"
    ]
    if found["artists_unknown"]:
        all_of_them = found["artists_unknown"] == sum(found["tracks"].values())
        which = "no artist is known" if all_of_them else "not all artists are known"
        lines.append(f"{protocol}: {which}: {found['artists_unknown']} tracks count as an artist each")
    return lines


def _sizes(rows: pd.DataFrame) -> dict[str, dict[str, int]]:
    by_set = {name: rows.loc[rows["set"] == name, "artist_id"] for name in SETS}
    return {
        "tracks": {name: len(artists) for name, artists in by_set.items()},
        "artists": {name: int(artists.nunique()) for name, artists in by_set.items()},
    }
