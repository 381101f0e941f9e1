"""Tables that are no sound CSV, or another file: index says in one message what it found, and writes nothing."""

import tracemalloc
from pathlib import Path

import pytest

from fmagc.runtime.entrypoint import run_stage
from stages import fetch, index
from tests.support.metadata_project import (
    FIRST,
    GENRES,
    LAST,
    TRACKS,
    Capture,
    Project,
    line_of,
    read_rows,
    refusal,
)


@pytest.mark.parametrize("column", ["track.genre_top", "artist.bio"])
def test_cells_longer_than_any_text_are_refused_unread(project: Project, capsys: Capture, column: str) -> None:  # F21
    project.put("set.split", {FIRST + 3: "tset"})
    long = project.put(column, {FIRST + 1: "x" * 10_000_000, LAST: "y " * 5_000_000})
    project.scan_files()
    tracemalloc.start()
    message = project.refusal_of(index.main, capsys)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "  expected well-formed CSV, found 2: " in message
    assert [
        place for place in long if f"larger than field limit (1048576) in {place.split(' (')[0]}" not in message
    ] == []
    assert (
        "column set.split: expected one of training, validation, test, found 'tset' in line " in message
    )  # what follows is read all the same
    assert peak < 150_000_000


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "expected FMA's three header rows, found 0 rows in all"),
        (b"track_id,genre\n2,Rock\n", "expected FMA's three header rows, found 2 rows in all"),
        (
            b"feature,chroma_cens,chroma_cens\nstatistics,kurtosis,kurtosis\nnumber,01,02\ntrack_id,,\n2,7.1,5.2\n",
            "expected the columns track_id, artist.id, set.split, set.subset, track.genre_top, artist.name, "
            "track.title too, found "
            "['number', 'chroma_cens.kurtosis', 'chroma_cens.kurtosis']: is it another table",
        ),
        (b"genre_id,#tracks,parent,title,top_level\n1,5,0,Rock,1\n2,5,0,Pop,2\n", "expected the columns track_id, "),
        (b"PK\x03\x04\xff\xfe\n\n\x00\n\xff\n", "expected UTF-8, found 2: byte 0xff in line 1, byte 0xff in line 4"),
    ],
    ids=["empty", "flat", "features.csv", "genres.csv", "zip"],
)
def test_another_file_in_place_of_tracks_csv(project: Project, capsys: Capture, content: bytes, found: str) -> None:
    TRACKS.write_bytes(content)  # F22
    assert found in refusal(project, capsys)


@pytest.mark.parametrize("content", [b"", b"\xfe\x00g\n", b"title\nRock\n", TRACKS], ids=str)
def test_another_file_in_place_of_genres_csv(project: Project, capsys: Capture, content: bytes | Path) -> None:
    GENRES.write_bytes(content.read_bytes() if isinstance(content, Path) else content)  # F22
    assert "expected the columns genre_id, parent" in refusal(project, capsys, file=GENRES)


@pytest.mark.parametrize("table", [TRACKS, GENRES], ids=str)
def test_utf_16_is_told_once(project: Project, capsys: Capture, table: Path) -> None:  # F22
    table.write_bytes(table.read_text(encoding="utf-8").encode("utf-16"))
    said = refusal(project, capsys, file=table)
    assert ": 1 fault\n  expected UTF-8, found UTF-16, which some programs call Unicode text: save it as CSV" in said


def test_every_line_that_is_no_utf_8_is_named(project: Project, capsys: Capture) -> None:  # F22
    rows = read_rows(TRACKS)
    project.put("track.title", {FIRST: "Voil\u00e0", LAST: "\u00dcbung"})
    content = TRACKS.read_bytes()
    for word in ("Voil\u00e0", "\u00dcbung"):
        content = content.replace(word.encode(), word.encode("latin-1"))
    TRACKS.write_bytes(content)
    lines = [line_of(rows, row + 1) - 1 for row in (FIRST, LAST)]  # the title is a row's last cell
    expected = f"  expected UTF-8, found 2: byte 0xe0 in line {lines[0]}, byte 0xdc in line {lines[1]}\n"
    assert expected in refusal(project, capsys)


def test_a_last_line_cut_anywhere_is_seen(project: Project, capsys: Capture) -> None:  # F22
    whole = TRACKS.read_bytes()
    rows = read_rows(TRACKS)
    begin = sum(len(line) + 1 for line in whole.split(b"\n")[: line_of(rows, LAST) - 1])
    assert whole[begin:].startswith(rows[LAST][0].encode())
    for cut in [*range(begin + 1, len(whole) - 1, 97), len(whole) - 1]:
        TRACKS.write_bytes(whole[:cut])
        assert "expected a line break at the end, which a file cut short lacks" in refusal(project, capsys)


def test_a_row_cut_between_cells_and_an_open_quote_are_seen(project: Project, capsys: Capture) -> None:  # F22
    rows = project.edit(TRACKS, lambda rows: rows[FIRST].__delitem__(slice(20, None)))
    TRACKS.write_bytes(TRACKS.read_bytes() + b'9999,"an open quote\n')
    message = refusal(project, capsys)
    assert "  expected 53 cells a row, found 20 in line 4\n" in message
    last = line_of(rows, len(rows))
    assert f"  expected well-formed CSV, found unexpected end of data in line {last}\n" in message


def test_tables_that_are_not_there(project: Project, capsys: Capture) -> None:  # F22
    TRACKS.unlink()
    assert f"{TRACKS}: expected the file that fetch saw" in project.refusal_of(index.main, capsys)
    GENRES.unlink()
    GENRES.mkdir()  # of the right name, and no file
    message = project.refusal_of(fetch.main, capsys)
    assert "expected FMA's layout, found no fma_metadata/tracks.csv, no fma_metadata/genres.csv: put them" in message


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(project: Project) -> None:
    before = project.tree()
    for path in (TRACKS, GENRES):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    project.scan_files()
    assert run_stage(index.main) == 0
    changed = {path for path, content in project.tree().items() if content != before[path]}
    assert changed == {str(TRACKS), str(GENRES), "data/raw.json"}
