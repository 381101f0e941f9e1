"""The tree of genres, and the classes that levels and lists of genres make of it."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from fmagc.corpus.fma.genres import Genre, GenreTree, read_genres
from fmagc.corpus.fma.labels import LABELLINGS
from fmagc.corpus.fma.tables import read_tracks
from fmagc.errors import DataError
from fmagc.params.base import faults_of
from fmagc.params.corpus import Index
from tests.support.dag import ROOT

PLACES = [folder / "shared/fma/genres.csv" for folder in ROOT.parents]
FMA = next((place for place in PLACES if place.exists()), None)
TREE = GenreTree(
    Genre(*row)
    for row in [
        (12, 0, "Rock"),
        (25, 12, "Punk"),
        (109, 25, "Hardcore"),
        (26, 12, "Post-Rock"),
        (4, 0, "Jazz"),
        (97, 4, "Jazz: Out"),
    ]
)


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["genre_id,#tracks,parent,title,top_level", *rows, ""]), encoding="utf-8")
    return path


def labels(choice: int | list[int | str], *genres: tuple[int, ...]) -> list[str]:
    labelled = LABELLINGS["single"].label(pd.DataFrame({"genres": genres}), TREE, choice)
    genre, reason = labelled["genre"], labelled["reason"]
    assert not ((genre != "") & (reason != "")).any()
    return [found or why for found, why in zip(genre, reason, strict=True)]


def test_a_tree_knows_its_ways_up() -> None:
    assert [genre.title for genre in TREE.lineage(109)] == ["Hardcore", "Punk", "Rock"]
    assert [TREE.depth(genre_id) for genre_id in (12, 25, 109)] == [0, 1, 2]
    assert TREE.roots == ["Rock", "Jazz"]


def test_a_level_labels_what_lies_on_it_or_below() -> None:
    assert labels(0, (109,), (97, 4), (12, 4), ()) == [
        "Rock",
        "Jazz",
        "several chosen genres: Jazz, Rock",
        "no genre",
    ]
    assert labels(1, (109,), (12,), (26, 97)) == [
        "Punk",
        "no chosen genre",
        "several chosen genres: Jazz: Out, Post-Rock",
    ]
    assert labels(1, (25, 12)) == ["Punk"]


def test_a_list_labels_by_the_nearest_genre_above() -> None:
    assert labels(["Rock", "Jazz"], (26,), (97,), (26, 97)) == ["Rock", "Jazz", "several chosen genres: Jazz, Rock"]
    assert labels([25, "Rock"], (109,), (26,), (25, 26), (4,)) == ["Punk", "Rock", "Punk", "no chosen genre"]
    with pytest.raises(DataError, match=r"expected titles or ids of genres\.csv, found 'Rok', 7, 0"):
        TREE.choose(["Rok", 7, 0, "Rock"])
    with pytest.raises(DataError, match="expected every genre once, found Rock more than once"):
        TREE.choose([12, "Rock"])
    with pytest.raises(DataError, match=r"expected a level from 0 to 2 of genres\.csv, found 3"):
        TREE.choose(3)


def test_a_table_tells_how_classes_lie_to_one_another() -> None:
    rows = TREE.table(["Rock", "Hardcore", "Jazz: Out", "Post-Rock"]).values.tolist()
    assert rows == [
        ["Hardcore", "Rock", 2, True],  # Punk, between them, is no class
        ["Jazz: Out", "", 1, True],
        ["Post-Rock", "Rock", 1, True],
        ["Rock", "", 0, False],
    ]


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        (["12,1,0,Rock,12", "25,1,13,Punk,12"], r"the genre_id of another row, found 13 in line 3 \(genre 'Punk'\)"),
        (
            ["1,1,0,A,1", "2,1,3,B,1", "3,1,2,C,1", "4,1,3,D,1"],
            "expected a way up to a root genre, found 2: 2 > 3 > 2 in line 3, 3 > 2 > 3 in line 4",
        ),
        (["1,1,0,A,1", "2,1,2,B,1"], "expected a way up to a root genre, found 2 > 2 in line 3"),
        (["1,1,0,A,1", "2,1,0,A,1"], "column title: expected every genre once, found 'A' in lines 2, 3"),
    ],
)
def test_what_is_no_tree_is_refused(tmp_path: Path, rows: list[str], fault: str) -> None:
    with pytest.raises(DataError, match=fault):
        read_genres(written(tmp_path / "genres.csv", *rows))


@pytest.mark.parametrize(
    ("text", "sound"),
    [("[25, 12]", True), ("[]", True), ("[7]", False), ("", False), ("25", False), ("[__import__('os')]", False)],
)
def test_lists_of_genres_are_read_and_never_evaluated(tmp_path: Path, text: str, sound: bool) -> None:
    header = [
        "track_id,artist,artist,set,set,track,track,track",
        ",id,name,split,subset,genre_top,genres,title",
        "track_id,,,,,,,",
    ]
    header[0] = header[0].replace("track_id", "", 1)
    path = tmp_path / "tracks.csv"
    path.write_text("\n".join([*header, f'2,1,Her,training,small,Rock,"{text}",Song', ""]), encoding="utf-8")
    if sound:
        assert read_tracks(path, genres=TREE, lists=["genres"]).loc[0, "genres"] in ((25, 12), ())
    else:
        with pytest.raises(
            DataError, match=r"column track.genres: expected a list of ids of genres.csv, as \[12, 25\]"
        ):
            read_tracks(path, genres=TREE, lists=["genres"])
    assert "genres" not in read_tracks(path, genres=TREE)


@pytest.mark.parametrize(
    ("choice", "sound"),
    [
        *[(None, True), (0, True), (["Rock", 4], True), (-1, False), (True, False)],
        *[("Rock", False), (["Rock"], False), (["", "a"], False), ([0, 4], False), (["Rock", None], False)],
    ],
)
def test_index_genres(choice: object, sound: bool) -> None:
    faults = faults_of(Index, {"subset": "small", "genres": choice, "seed": 0}, where="index")
    assert (faults == []) == sound
    expected = "index.genres: expected null, a level (0 for root genres), or a list"
    assert all(fault.startswith(expected) and "in quotes where YAML reads" in fault for fault in faults)


@pytest.mark.skipif(FMA is None, reason="FMA's own genres.csv is not at hand")
def test_fmas_own_tree() -> None:
    assert FMA
    tree = read_genres(FMA)
    chosen = [tree.choose(level) for level in range(5)]
    assert len(tree) == 163
    assert [len(genres) for genres in chosen] == [16, 106, 37, 3, 1]
    assert len(tree.roots) == 16
    tops = {int(row.genre_id): int(row.top_level) for row in pd.read_csv(FMA).itertuples()}
    assert {genre_id: tree.lineage(genre_id)[-1].genre_id for genre_id in tops} == tops
    assert Counter(tree.depth(genre_id) for genre_id in tops)[0] == 16
