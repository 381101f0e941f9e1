"""Layouts, orders and rows of shards, whatever their sizes: what holds for all of them."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fmagc.cache.rows import BLOCK, ROWS_AT, Layout, RowBuffer, create_empty
from fmagc.cache.shards import compaction_order, layout_of, map_rows, read_columns
from tests.support.caches import write_shard

DTYPES = st.sampled_from(["int16", "float16", "float32"])
INNER = st.sampled_from([(), (1,), (3,), (64,), (128,)])


@given(st.integers(1, 10**6), DTYPES, INNER)
def test_a_row_is_whole_blocks_and_no_block_more_than_it_needs(length: int, dtype: str, inner: tuple[int, ...]) -> None:
    layout = Layout.holding(length, name="rows", dtype=dtype, inner=inner)
    assert layout.width >= length
    assert layout.row_bytes % BLOCK == 0
    narrower = Layout.holding(max(1, length - 1), name="rows", dtype=dtype, inner=inner)
    assert narrower.width <= layout.width
    frame_bytes = layout.row_bytes // layout.width
    assert (layout.width - length) * frame_bytes < np.lcm(BLOCK, frame_bytes)


@given(st.integers(1, 10**6), DTYPES, INNER, st.integers(0, 5000))
def test_rows_follow_one_another_without_a_gap(length: int, dtype: str, inner: tuple[int, ...], row: int) -> None:
    layout = Layout.holding(length, name="rows", dtype=dtype, inner=inner)
    assert layout.offset(0) == ROWS_AT
    assert layout.offset(row + 1) - layout.offset(row) == layout.row_bytes
    assert layout.most_bytes(row) >= layout.offset(row)


@given(st.sets(st.integers(0, 200)).map(sorted))
def test_compaction_keeps_every_row_and_moves_only_those_that_lie_behind_the_end(written: list[int]) -> None:
    order = compaction_order(written)
    assert sorted(order) == written
    moved = [(place, source) for place, source in enumerate(order) if place != source]
    assert all(place not in written for place, _ in moved)
    assert all(source >= len(written) for _, source in moved)


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=5), DTYPES, st.sampled_from([(), (3,)]), st.integers(0, 99))
def test_what_is_written_is_what_is_read(lengths: list[int], dtype: str, inner: tuple[int, ...], seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = [rng.integers(-100, 100, (length, *inner)).astype(dtype) for length in lengths]
    columns = {"length": np.array(lengths)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "000.h5"
        sealed = write_shard(path, "rows", rows, columns)
        assert sealed.found_in(path) == sealed.digest
        assert layout_of(path, "rows") == Layout.holding(max(lengths), name="rows", dtype=dtype, inner=inner)
        assert read_columns(path, "length")["length"].tolist() == lengths
        for stored, row in zip(map_rows(path, "rows"), rows, strict=True):
            np.testing.assert_array_equal(stored[: len(row)], row)
            assert not stored[len(row) :].any()


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_at_the_name_of_an_unfinished_shard_is_not_followed(
    tmp_path: Path, link: Callable[[Path, Path], None]
) -> None:
    victim, shard = tmp_path / "victim", tmp_path / ".000.h5.part"
    victim.write_bytes(b"mine")
    link(shard, victim)
    create_empty(shard)
    assert (victim.read_bytes(), shard.read_bytes(), shard.is_symlink()) == (b"mine", b"", False)


def test_rows_are_not_written_through_a_link(tmp_path: Path) -> None:
    victim, shard = tmp_path / "victim", tmp_path / ".000.h5.part"
    victim.write_bytes(b"mine")
    shard.symlink_to(victim)
    with pytest.raises(OSError, match="symbolic links"):
        RowBuffer(Layout.holding(10, name="rows", dtype="int16")).write(shard, 0, length=10)
    assert victim.read_bytes() == b"mine"
