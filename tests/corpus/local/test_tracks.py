"""Genres are chosen by name, and protocols that a dataset does not allow are named."""

from pathlib import Path

import pytest

from fmagc.corpus.local.tracks import check_protocols
from fmagc.corpus.selection import split_table
from fmagc.errors import DataError
from tests.support.own_music import NAME, Change, put, selected


@pytest.mark.parametrize(
    ("protocol", "change", "fault"),
    [
        ("official", None, "protocol official: expected a column split .* set run.protocols and compare.protocol to"),
        ("artist", None, "protocol artist: expected artists, found none: name them"),
        (
            "artist",
            put("rock/A/1.mp3", "pop/A/1.mp3", "pop/A/2.mp3", "pop/B/1.mp3"),
            "3 artists .* found pop has 2: add",
        ),
        ("random", put("pop/1.mp3", "ska/1.mp3", "ska/2.mp3"), "3 tracks .* found pop has 1, ska has 2: add tracks"),
    ],
)
def test_protocols_that_a_dataset_does_not_allow(root: Path, protocol: str, change: Change | None, fault: str) -> None:
    if change:
        change(root)
    with pytest.raises(DataError, match=f"^mine, {fault}" if fault[0] == "p" else f"^mine, protocol .*{fault}"):
        check_protocols(selected(root)[1], [protocol], where=NAME)


def test_some_genres_of_a_dataset_are_chosen_by_name(root: Path) -> None:
    put("pop/1.mp3")(root)
    _, tracks, left_out = selected(root, genres=["rock", "blues"])
    assert sorted(set(tracks["genre"])) == ["blues", "rock"]
    assert left_out[["path", "reason"]].values.tolist() == [["mine/pop/1.mp3", "no chosen genre"]]
    for choice, fault in ((["rock", "jazz", 5], "blues, pop, rock, found 'jazz', 5"), (1, "found the level 1")):
        with pytest.raises(DataError, match=fault):
            selected(root, genres=choice)
    with pytest.raises(DataError, match="expected every genre once, found rock more than once"):
        selected(root, genres=["rock", "blues", "rock"])
    with pytest.raises(DataError, match="expected two genres or more, found rock"):
        check_protocols(tracks[tracks["genre"] == "rock"], ["random"], where=NAME)


def test_genres_that_min_tracks_leaves_out_need_no_track_in_each_set(root: Path) -> None:
    put("pop/1.mp3")(root)
    tracks = selected(root)[1]
    with pytest.raises(DataError, match="found pop has 1"):
        check_protocols(tracks, ["random"], where=NAME)
    check_protocols(tracks, ["random"], where=NAME, min_tracks=2)
    assert set(split_table(tracks, "random", seed=0, min_tracks=2)["genre"]) == {"blues", "rock"}


@pytest.mark.parametrize("choice", [[1970, 1980], ["1970", 1980], ["1970", "1980"]])
def test_genres_may_be_numbers(tmp_path: Path, choice: list[int | str]) -> None:
    root = tmp_path / NAME
    put("1970/1.wav", "1980/2.wav", "1990/3.wav")(root)
    _, tracks, left_out = selected(root, genres=choice)
    assert sorted(tracks["genre"]) == ["1970", "1980"]
    assert len(left_out) == 1
