"""Faults of FMA's tables: the stage index names all offenders in one message, leaves with 1 and writes nothing."""

import json
import re
from pathlib import Path

import pytest

from fmagc.corpus.fma.layout import track_file
from fmagc.paths import RAW
from fmagc.runtime.entrypoint import run_stage
from stages import index
from tests.support.metadata_project import (
    FIRST,
    GENRES,
    LAST,
    TRACKS,
    Capture,
    Project,
    Rows,
    assert_one_message,
    line_of,
    place_of,
    read_rows,
    refusal,
)
from tests.support.mini_corpus import NAME

ROOTS = "International, Pop, Rock, Electronic, Folk, Hip-Hop, Experimental, Instrumental"
CANARY = "__import__('pathlib').Path('canary').touch()"


@pytest.mark.parametrize(
    ("column", "expected", "values"),
    [
        # F18: one such id would make text of the whole column
        ("track_id", "a track's number", ["x9", "", "9.5", "-1", " 7", "1e3", "\u0667", "7" * 10, "../../etc/passwd"]),
        ("artist.id", "a number", ["x9", "", "9.0", "--1", "NaN", "1_000"]),
        # F19
        ("set.split", "one of training, validation, test", ["trainig", "", "Test", "test ", "NA"]),
        ("set.subset", "one of small, medium, large, full", ["tiny", "", "Small", "NA"]),
        # F17: NA and the empty text are what pandas would read as NaN
        (
            "track.genre_top",
            f"a root genre of genres.csv ({ROOTS}), or none in large and full",
            ["Psych-Rock", "", "NA", "nan", "rock"],
        ),
    ],
)
def test_every_offending_cell_of_a_column_is_named(
    project: Project, capsys: Capture, column: str, expected: str, values: list[str]
) -> None:
    cells = {FIRST + 2 * number: value for number, value in enumerate(values)}
    places = project.put(column, cells)
    message = refusal(project, capsys)
    assert f"\n  column {column}: expected {expected}, found {len(values)}: " in message
    assert [value for place, value in zip(places, values, strict=True) if f"{value!r} in {place}" not in message] == []


def test_faults_of_all_columns_make_one_message(project: Project, capsys: Capture) -> None:
    wrong = {"artist.id": "", "set.split": "tset", "set.subset": "tiny", "track.genre_top": "Rok", "track_id": "x9"}
    for column, value in wrong.items():
        project.put(column, {FIRST: value, LAST: value})
    message = refusal(project, capsys)
    assert message.startswith(f"error: {TRACKS}: 10 faults\n")
    assert [f"  column {column}: expected " in message for column in wrong] == [True] * 5
    assert len(re.findall(r"'Rok' in line \d+ \(track 'x9'\)", message)) == 2


def test_a_long_list_is_cut_and_counted(project: Project, capsys: Capture) -> None:
    places = project.put("set.split", dict.fromkeys(range(FIRST, LAST + 1), "tset"))
    message = refusal(project, capsys)
    assert f"found {len(places)}: " in message
    assert f"'tset' in {places[19]} and {len(places) - 20} more\n" in message
    assert places[20] not in message


def test_every_repeated_track_is_named_with_all_its_lines(project: Project, capsys: Capture) -> None:  # F16
    def repeat(rows: Rows) -> None:
        for row in (FIRST, FIRST, FIRST + 4):
            rows.append([f"{int(rows[row][0]):06d}", *rows[row][1:]])  # 000002 is 2

    rows = project.edit(TRACKS, repeat)
    message = refusal(project, capsys)
    lines = [line_of(rows, row) for row in (FIRST, LAST + 1, LAST + 2, FIRST + 4, LAST + 3)]
    assert "column track_id: expected every track once, found 2: " in message
    assert f"track {rows[FIRST][0]} in lines {lines[0]}, {lines[1]}, {lines[2]}" in message
    assert f"track {rows[FIRST + 4][0]} in lines {lines[3]}, {lines[4]}" in message


def test_a_genre_below_a_root_is_no_class(project: Project, capsys: Capture) -> None:  # F17
    project.edit(GENRES, lambda rows: rows.append(["58", "1", "12", "Psych-Rock", "12"]))
    (place,) = project.put("track.genre_top", {FIRST: "Psych-Rock"})
    assert f"found 'Psych-Rock' in {place}" in refusal(project, capsys)


def test_faults_of_genres_csv_are_named_together(project: Project, capsys: Capture) -> None:  # F16, F17, F18
    def spoil(rows: Rows) -> None:
        rows[1][0], rows[2][2], rows[3][3] = "x9", "", ""
        rows += [rows[4], rows[5][:2]]

    rows = project.edit(GENRES, spoil)
    message = refusal(project, capsys, file=GENRES)
    assert f"error: {GENRES}: 5 faults\n" in message
    assert "  column genre_id: expected a genre's number, found 'x9' in line 2\n" in message
    assert "  column parent: expected a genre's number, found '' in line 3\n" in message
    assert f"  column title: expected a name, found none in line 4 (genre {rows[3][0]!r})\n" in message
    assert f"  column genre_id: expected every genre once, found {rows[4][0]!r} in lines 5, 10\n" in message
    assert "  expected 5 cells a row, found 2 in line 11\n" in message


def test_two_columns_of_one_name_are_a_fault(project: Project, capsys: Capture) -> None:
    def double(rows: Rows) -> None:
        place = place_of(rows, "track.genre_top")
        for row in rows:
            row.append(row[place])

    project.edit(TRACKS, double)
    assert "  expected every column once, found 'track.genre_top' in columns 41, 54\n" in refusal(project, capsys)
    project.edit(TRACKS, lambda rows: [row.pop() for row in rows])
    project.edit(GENRES, lambda rows: [row.append(row[3]) for row in rows])
    message = refusal(project, capsys, file=GENRES)
    assert "  expected every column once, found 'title' in columns 4, 6\n" in message


def test_a_title_with_control_characters_is_a_fault(project: Project, capsys: Capture) -> None:
    project.edit(GENRES, lambda rows: rows[1].__setitem__(3, "Ro\x07ck"))
    message = refusal(project, capsys, file=GENRES)
    assert "  column title: expected a name without control characters, found 'Ro\\x07ck' in line 2\n" in message


def test_an_artist_on_both_sides_stops_the_run(project: Project, capsys: Capture) -> None:  # F19
    rows = read_rows(TRACKS)
    artist, name, split = (place_of(rows, column) for column in ("artist.id", "artist.name", "set.split"))
    other = next(row for row in range(FIRST, LAST) if rows[row][split] == "test" != rows[LAST][split])
    assert json.loads(Path("metrics/split.json").read_text())["official"]["artists_shared"] == 0
    project.put("artist.id", {other: rows[LAST][artist]})
    project.scan_files()
    message = project.refusal_of(index.main, capsys)
    assert "protocol official: expected every artist in one set alone, found 1 in several: artist" in message
    assert f"artist {rows[LAST][artist]}, {rows[other][name]!r} (" in message
    assert f"test: {rows[other][0]}" in message


def test_the_same_file_in_two_sets_is_counted_and_said(project: Project, capsys: Capture) -> None:  # F19
    rows = read_rows(TRACKS)
    split = place_of(rows, "set.split")
    other = next(row for row in range(FIRST, LAST) if rows[row][split] != rows[LAST][split])
    for row in (other, LAST):
        path = RAW / NAME / NAME / track_file(int(rows[row][0]))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"the same music")
    project.scan_files()
    assert run_stage(index.main) == 0
    found = json.loads(Path("metrics/split.json").read_text())["official"]
    assert (found["artists_shared"], found["files_shared"]) == (0, 1)
    assert "0 artists and 1 files in more than one set" in capsys.readouterr().out


def test_genres_that_a_set_lacks_are_named_before_any_training(project: Project, capsys: Capture) -> None:  # F20
    rows = read_rows(TRACKS)
    genre, split = (place_of(rows, column) for column in ("track.genre_top", "set.split"))
    move = {("Rock", "training"): "test", ("Folk", "training"): "validation", ("Pop", "test"): "training"}
    cells = {row: move.get((rows[row][genre], rows[row][split])) for row in range(FIRST, LAST + 1)}
    project.put("set.split", {row: value for row, value in cells.items() if value})
    project.scan_files()
    message = project.refusal_of(index.main, capsys)
    assert "fma_metadata/tracks.csv, protocol official: expected tracks of every genre in every set, found " in message
    assert "found Folk has none in train, Pop has none in test, Rock has none in train: give the sets" in message


def test_text_that_would_run_is_never_evaluated(project: Project, capsys: Capture) -> None:  # F21
    before = project.tree()
    for column in ("track.genres", "track.genres_all", "track.tags", "album.tags", "artist.tags"):
        project.put(column, {FIRST: CANARY, FIRST + 1: f"[{CANARY}]", FIRST + 2: "[" * 100_000 + "]" * 100_000})
    project.scan_files()
    assert run_stage(index.main) == 0, "nobody reads these columns"
    unread = {path for path, content in project.tree().items() if content != before.get(path)}
    assert unread == {str(TRACKS), "data/raw.json"}
    capsys.readouterr()
    places = [
        place
        for column in ("track.genre_top", "set.split", "artist.id", "track_id")
        for place in project.put(column, {FIRST: CANARY, FIRST + 1: "[" * 100_000})
    ]
    message = refusal(project, capsys)
    assert message.startswith(f"error: {TRACKS}: {len(places)} faults\n")
    assert "'[[[[" in message
    assert not Path("canary").exists()


def test_the_commands_leave_with_their_status(project: Project) -> None:
    project.put("set.split", {FIRST: "tset"})
    assert project.command("fetch").returncode == 0
    before = project.tree()
    refused = project.command("index")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert_one_message(refused.stderr)
    assert project.tree() == before
    project.put("set.split", {FIRST: "training"})
    unseen = project.command("index")
    assert unseen.returncode == 1
    assert "run `dvc repro -f fetch`" in unseen.stderr
