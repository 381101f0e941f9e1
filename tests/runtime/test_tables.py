"""Tables with their own digest: what was written is read back, pandas reads them, and no bit changes in silence."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmagc.errors import DataError
from fmagc.runtime.tables import read_csv, write_csv

TABLE = pd.DataFrame(
    {"track_id": [2, 10], "genre": ["None", 'Old-Time, "Historic"'], "p": [0.1, 1 / 3], "title": ["", "1 # 2\n3"]}
)
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r"), max_size=9)


def test_a_table_is_read_back_and_pandas_reads_it_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, TABLE)
    pd.testing.assert_frame_equal(read_csv(path, stage="x", keep_default_na=False, float_precision="round_trip"), TABLE)
    plain = pd.read_csv(path, keep_default_na=False, float_precision="round_trip")
    pd.testing.assert_frame_equal(plain.drop(columns="own_digest"), TABLE)
    assert plain["own_digest"].str.len().tolist() == [32, 0]


@given(rows=st.lists(st.tuples(st.integers(), TEXT, TEXT), min_size=1, max_size=5))
def test_any_text_is_read_back(rows: list[tuple[int, str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    table = pd.DataFrame(rows, columns=["n", "a", "b"]).astype(str)
    write_csv(path, table)
    pd.testing.assert_frame_equal(read_csv(path, stage="x", dtype=str, na_filter=False), table)


def test_no_flipped_bit_and_no_cut_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, TABLE)
    whole = path.read_bytes()
    flipped = [
        whole[:place] + bytes([byte ^ 1 << bit]) + whole[place + 1 :]
        for place, byte in enumerate(whole)
        for bit in range(8)
    ]
    damaged = flipped + [whole[:n] for n in range(len(whole))]
    for data in [*damaged, whole + b"\n", whole.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + whole]:
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"t\.csv: expected digest .* found .*repro -f make"):
            read_csv(path, stage="make")


def test_rows_that_change_places_are_found(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, TABLE[["track_id", "p"]])
    header, first, second, _ = path.read_text().split("\n")
    path.write_text("\n".join([header, first, second, second, ""]))
    with pytest.raises(DataError, match=r"t\.csv: expected digest"):
        read_csv(path, stage="x")


def test_a_missing_table_names_its_stage(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv: expected a table of the stage index, found none: run `dvc repro`"):
        read_csv(tmp_path / "t.csv", stage="index")
