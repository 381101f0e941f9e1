"""The reader of clips: what it puts into a batch is what lies in the cache, and a held batch stays as it is."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fmagc.cache.reader import Cache
from fmagc.cache.window_reader import ClipReader
from fmagc.errors import DataError
from tests.support.caches import publish

LENGTHS = [5000, 7001, 6002, 5003, 9004]


def reader_of(tmp_path: Path, name: str) -> ClipReader:
    """Five tracks in three shards: int16 samples, or float16 frames of three bands."""
    rng = np.random.default_rng(0)
    waves = [rng.integers(-(2**15), 2**15, length, dtype=np.int16) for length in LENGTHS]
    mels = [rng.standard_normal((length, 3)).astype(np.float16) for length in LENGTHS]
    publish(tmp_path / name, {"waves": waves, "mels": mels}[name], params={}, rows_per_shard=2)
    return ClipReader(Cache(tmp_path / name, name, stage="decode"))


@pytest.fixture
def waves(tmp_path: Path) -> ClipReader:
    return reader_of(tmp_path, "waves")


def drawn(rng: np.random.Generator, n: int) -> dict[str, list[int]]:
    """Draw windows of unequal length, whole tracks and single samples among them."""
    tracks = rng.integers(len(LENGTHS), size=n)
    lengths = [int(rng.choice([1, LENGTHS[track], rng.integers(1, LENGTHS[track])])) for track in tracks]
    starts = [int(rng.integers(LENGTHS[track] - length + 1)) for track, length in zip(tracks, lengths, strict=True)]
    return {"track_ids": tracks.tolist(), "starts": starts, "lengths": lengths}


def expected(reader: ClipReader, windows: dict[str, list[int]]) -> np.ndarray:
    rows = [reader.cache[track].values for track in windows["track_ids"]]
    spans = zip(rows, windows["starts"], windows["lengths"], strict=True)
    return np.concatenate([row[start : start + length] for row, start, length in spans])


def read(reader: ClipReader, windows: dict[str, list[int]]) -> np.ndarray:
    return reader.read(windows["track_ids"], starts=windows["starts"], lengths=windows["lengths"])


@pytest.mark.parametrize("name", ["waves", "mels"])
def test_windows_of_any_length_are_those_of_the_cache(tmp_path: Path, name: str) -> None:
    reader, rng = reader_of(tmp_path, name), np.random.default_rng(1)
    for n in (1, 2, 3, 16, 40):
        windows = drawn(rng, n)
        batch = read(reader, windows)
        assert batch.dtype == reader.cache[0].values.dtype
        np.testing.assert_array_equal(batch, expected(reader, windows))


def test_a_batch_that_is_held_is_never_overwritten(waves: ClipReader) -> None:
    rng = np.random.default_rng(2)
    drawings = [drawn(rng, 4) for _ in range(12)]
    held = [read(waves, windows)[-1:] for windows in drawings]  # a view of a view holds the batch as well
    for batch, windows in zip(held, drawings, strict=True):
        np.testing.assert_array_equal(batch, expected(waves, windows)[-1:])


def test_the_memory_of_a_batch_that_is_gone_is_used_again(waves: ClipReader) -> None:
    def address(batch: np.ndarray) -> int:
        return batch.__array_interface__["data"][0]

    first = waves.read([0, 1], starts=[0, 0], lengths=[3000, 4000])
    second = waves.read([0, 1], starts=[0, 0], lengths=[3000, 4000])
    free = address(first)
    assert address(second) != free
    del first
    assert address(waves.read([2, 3], starts=[5, 5], lengths=[3000, 3000])) == free  # a smaller batch fits too


def test_threads_may_share_a_reader(waves: ClipReader) -> None:
    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(30):
            windows = drawn(rng, 5)
            np.testing.assert_array_equal(read(waves, windows), expected(waves, windows))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@pytest.mark.parametrize(("start", "length"), [(0, 5001), (-1, 10), (4999, 2), (10, -1)])
def test_a_window_that_leaves_its_track_is_refused(waves: ClipReader, start: int, length: int) -> None:
    with pytest.raises(ValueError, match="track 0: expected"):
        waves.read([1, 0], starts=[0, start], lengths=[5, length])


def test_a_shard_cut_while_it_is_in_use_is_named(tmp_path: Path, waves: ClipReader) -> None:
    with (tmp_path / "waves" / "001.h5").open("r+b") as shard:
        shard.truncate(waves.cache[2].offset + 2 * 100)
    np.testing.assert_array_equal(waves.read([2], starts=[0], lengths=[100]), waves.cache[2].values[:100])
    with pytest.raises(DataError, match=r"001.h5: expected 2 more bytes at \d+, found the end.*dvc checkout --force"):
        waves.read([0, 2, 4], starts=[0, 0, 0], lengths=[100, 101, 100])
