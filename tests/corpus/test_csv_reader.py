"""The CSV reader: any table comes back cell by cell with its lines, and a fault never hides what follows it."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fmagc.corpus.csv_reader import Faults, records
from fmagc.errors import DataError

CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=8)
TABLES = st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=6)


def written(rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def read(content: bytes) -> tuple[list[tuple[int, list[str]]], str]:
    """Read a file of this content; return its records and the message of its faults."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_bytes(content)
        faults = Faults(path)
        found = list(records(path, faults))
        try:
            faults.refuse()
        except DataError as error:
            return found, str(error)
        return found, ""


@given(TABLES)
def test_a_table_comes_back_cell_by_cell_with_the_lines_on_which_records_begin(rows: list[list[str]]) -> None:
    assume(not rows[0][0].startswith("\ufeff"))  # a mark of the encoding, not of the cell
    found, message = read(written(rows))
    assert message == ""
    assert [cells for _, cells in found] == rows
    breaks = [sum(cell.count("\n") for cell in cells) for cells in rows]
    assert [line for line, _ in found] == [1 + place + sum(breaks[:place]) for place in range(len(rows))]


@given(TABLES)
def test_the_mark_that_windows_programs_put_first_is_no_part_of_a_cell(rows: list[list[str]]) -> None:
    assume(not rows[0][0].startswith("\ufeff"))
    assert read(b"\xef\xbb\xbf" + written(rows)) == read(written(rows))


@given(TABLES, st.integers(0x80, 0xBF), st.integers(0, 5))
def test_a_byte_that_is_no_utf_8_is_named_and_every_other_record_is_read(
    rows: list[list[str]], byte: int, place: int
) -> None:
    rows = [[cell.replace("\n", " ").replace("\ufeff", "") for cell in cells] for cells in rows]
    place %= len(rows)
    lines = written(rows).splitlines(keepends=True)
    lines[place] = bytes([byte]) + b"," + lines[place]
    found, message = read(b"".join(lines))
    assert f"byte 0x{byte:02x} in line {place + 1}" in message
    others = [cells for line, cells in found if line != place + 1]
    assert others == [cells for number, cells in enumerate(rows) if number != place]


@given(TABLES)
def test_a_file_cut_before_its_last_line_break_is_reported(rows: list[list[str]]) -> None:
    content = written(rows)[:-1]
    assume(not content.endswith(b"\n"))
    assert "expected a line break at the end" in read(content)[1]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_refused_by_name(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes("\ufeffpath,genre\n".encode(encoding))
    with pytest.raises(DataError, match="UTF-16"):
        list(records(path, Faults(path)))


def test_line_ends_of_old_macs_are_named() -> None:
    _, message = read(b"path,genre\r1.mp3,Folk\r")
    assert "found a carriage return that ends no line, as in the line ends of old Macs" in message
