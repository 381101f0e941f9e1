"""Audit a split: count what its sets hold, what they share, and what was left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from fmagc.corpus.splits import SETS
from fmagc.errors import format_list
from fmagc.tasks.task import labels_of

__all__ = ["audit", "describe_audit"]


def audit(split: pd.DataFrame, tracks: pd.DataFrame, *, sha1: "pd.Series[str]") -> dict[str, Any]:
    """Count what a split holds and what it leaks.

    Parameters
    ----------
    split : pd.DataFrame
        As `corpus.selection.split_table` returns it.
    tracks : pd.DataFrame
        The tracks that it was made of.
    sha1 : pd.Series
        The checksum of each track's file by ``track_id``; empty where the file is missing.

    Returns
    -------
    dict
        ``tracks`` and ``artists`` by set, in all and for each of the ``genres``; ``genres_absent``: the genres of which
        a set has no track, by set; ``genres_left_out``: how many tracks have each genre that has too few training
        tracks, and ``tracks_left_out``: how many have such genres alone; ``artists_shared`` and ``files_shared``: how
        many artists and how many byte-identical files lie in more than one set; ``test_share_with_artist_in_train``:
        the part of the test tracks whose artist was trained on; ``artists_unknown``: tracks whose artist is not known
        (an id below zero), each counted as one of its own.
    """
    labels, by_set = labels_of(split), split.groupby("set")["artist_id"]
    rows, classes = np.nonzero(labels.indicators(split))
    carried = split.iloc[rows].groupby([np.array(labels.genres)[classes], "set"])["artist_id"]
    by_genre = {"tracks": carried.size().unstack(), "artists": carried.nunique().unstack()}
    sizes = {name: table.reindex(columns=list(SETS)).fillna(0).astype(int) for name, table in by_genre.items()}
    absent = sizes["tracks"] == 0
    files = split.assign(sha1=split["track_id"].map(sha1)).query("sha1 != ''")
    test, train = (split.loc[split["set"] == name, "artist_id"] for name in ("test", "train"))
    return {
        "tracks": by_set.size()[list(SETS)].to_dict(),
        "artists": by_set.nunique()[list(SETS)].to_dict(),
        "genres": {
            genre: {name: table.loc[genre].to_dict() for name, table in sizes.items()} for genre in labels.genres
        },
        "genres_absent": {name: absent.index[absent[name]].tolist() for name in SETS},
        "genres_left_out": {
            genre: n for genre, n in labels_of(tracks).count(tracks).items() if genre not in labels.genres
        },
        "tracks_left_out": len(tracks) - len(split),
        "artists_shared": int((split.groupby("artist_id")["set"].nunique() > 1).sum()),
        "files_shared": int((files.groupby("sha1")["set"].nunique() > 1).sum()),
        "test_share_with_artist_in_train": round(float(test.isin(train).mean()), 6),
        "artists_unknown": int((split["artist_id"] < 0).sum()),
    }


def describe_audit(protocol: str, found: Mapping[str, Any]) -> list[str]:
    """Write what `audit` counted as lines for people."""
    lines = [
        f"{protocol}: {found['tracks']} tracks, {len(found['genres'])} genres, "
        f"{found['artists_shared']} artists and {found['files_shared']} files in more than one set, "
        f"{found['test_share_with_artist_in_train']:.1%} of test tracks by artists in training"
    ]
    if found["genres_left_out"]:
        rare = [f"{genre} ({count})" for genre, count in found["genres_left_out"].items()]
        lines.append(
            f"{protocol}: left out for fewer than index.min_tracks training tracks, with the tracks of all sets: "
            f"{format_list(rare)}; tracks that carry no other genre, left out with them: {found['tracks_left_out']}"
        )
    lines += [
        f"{protocol}: {name} has no track of {len(genres)} of the {len(found['genres'])} genres: {format_list(genres)}"
        for name, genres in found["genres_absent"].items()
        if genres
    ]
    if found["artists_unknown"]:
        all_of_them = found["artists_unknown"] == sum(found["tracks"].values())
        which = "no artist is known" if all_of_them else "not all artists are known"
        lines.append(f"{protocol}: {which}: {found['artists_unknown']} tracks count as an artist each")
    return lines
