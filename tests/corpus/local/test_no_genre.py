"""A table of your own in which some tracks have no genre: they are left out, whatever the task."""

from pathlib import Path

import pytest

from fmagc.corpus.data_home import scan_files
from fmagc.corpus.local.tracks import check_protocols
from fmagc.corpus.selection import Selection, select_tracks, split_table
from fmagc.errors import DataError
from tests.support.own_music import NAME, put, table

BLANKS = ("", "  ", "\t", "\u00a0", '" "')
GENRES = ("Folk", "Rock")
CELLS = [*BLANKS, *(genre for genre in GENRES for _ in range(4))]


def selected(root: Path, cells: list[str], *, labels: str, genres: list[int | str] | None = None) -> Selection:
    put(*(f"{n}.wav" for n in range(len(cells))))(root / NAME)
    table(*(f"{n}.wav,{cell},B{n}" for n, cell in enumerate(cells)))(root / NAME)
    manifest = scan_files(root / NAME, NAME, layout="table")
    return select_tracks(root, manifest, subset="small", labels=labels, genres=genres)


@pytest.mark.parametrize(("labels", "column"), [("single", "genre"), ("multi", "genres")])
def test_tracks_without_a_genre_are_left_out_with_their_reason(tmp_path: Path, labels: str, column: str) -> None:
    chosen = selected(tmp_path, CELLS, labels=labels)
    assert sorted(chosen.left_out["path"]) == [f"{NAME}/{n}.wav" for n in range(len(BLANKS))]
    assert set(chosen.left_out["reason"]) == {"no genre"}
    assert sorted(chosen.tracks[column]) == ["Folk"] * 4 + ["Rock"] * 4
    assert chosen.files["track_id"].tolist() == chosen.tracks["track_id"].tolist()
    assert chosen.tree.table(set(GENRES))["genre"].tolist() == list(GENRES)
    check_protocols(chosen.tracks, ["artist", "random"], where=NAME)
    assert set(split_table(chosen.tracks, "artist", seed=0)["set"]) == {"train", "val", "test"}


@pytest.mark.parametrize("labels", ["single", "multi"])
def test_a_genre_that_is_not_chosen_is_another_reason(tmp_path: Path, labels: str) -> None:
    chosen = selected(tmp_path, [*CELLS, "Pop"], labels=labels, genres=["Folk", "Rock"])
    assert sorted(chosen.left_out["reason"]) == ["no chosen genre"] + ["no genre"] * len(BLANKS)
    with pytest.raises(DataError, match="expected some of Folk, Rock, found 'Pop'"):
        selected(tmp_path, CELLS, labels=labels, genres=["Folk", "Pop"])


def test_a_table_without_any_genre_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"tracks.csv: 1 fault\n  column genre: expected names, found none in any row\n"
    ):
        selected(tmp_path, ["", " "], labels="single")


def test_a_name_that_is_missing_among_several_stays_a_fault(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"tracks.csv: 1 fault\n.* one ; between two, found ';Rock' \('13.wav'\)"):
        selected(tmp_path, [*CELLS, ";Rock"], labels="multi")
