"""Each state of a shard is read whole once; whatever changes a file makes it be read again, or found damaged."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fmagc.cache import shards
from fmagc.cache.manifest import read_manifest
from fmagc.cache.reader import Cache
from fmagc.cache.verified import VerifiedShards
from fmagc.cache.verified import _State as State
from fmagc.errors import DataError
from fmagc.paths import verified_record
from fmagc.runtime.files import write_record
from tests.support.caches import count_rows, publish


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Publish a cache of three shards, which no other name shares."""
    rows = [np.arange(5000, dtype=np.int16) + np.int16(track) for track in range(3)]
    publish(tmp_path / "waves", rows, params={}, rows_per_shard=1)
    for path in (tmp_path / "store/waves").iterdir():
        path.unlink()
    return tmp_path / "waves"


@pytest.fixture
def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Collect the sizes of the rows that are compared with their digests."""
    return count_rows(monkeypatch)


def opened(folder: Path) -> Cache:
    return Cache(folder, "waves", stage="decode")


def test_a_shard_is_read_whole_by_the_first_opening_alone(folder: Path, rows_read: list[int]) -> None:
    opened(folder)
    assert len(rows_read) == 3
    for _ in range(3):
        opened(folder)
    assert len(rows_read) == 3


def test_everything_is_read_on_demand(folder: Path, rows_read: list[int]) -> None:
    cache = opened(folder)
    assert cache.verify() == sum(path.stat().st_size for path in folder.glob("*.h5"))
    assert len(rows_read) == 6


def same_bytes(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)


def touched(path: Path) -> None:
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))


def linked(path: Path) -> None:
    path.with_name("other name").hardlink_to(path)


@pytest.mark.parametrize("change", [same_bytes, touched, linked])
def test_a_file_in_another_state_is_read_again(
    folder: Path, rows_read: list[int], change: Callable[[Path], None]
) -> None:
    opened(folder)
    rows_read.clear()
    change(folder / "001.h5")
    opened(folder)
    assert len(rows_read) == 1
    opened(folder)
    assert len(rows_read) == 1


def test_a_bit_flipped_at_once_after_a_pass_is_found(folder: Path) -> None:
    for _ in range(30):
        opened(folder)
        path = folder / "001.h5"
        before = path.stat()
        with path.open("r+b") as file:
            file.seek(5000)
            file.write(b"\xff")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had been written
        with pytest.raises(DataError, match=r"001.h5: expected digest .*other bytes in row 0"):
            opened(folder)
        with path.open("r+b") as file:
            file.seek(5000)
            file.write((np.arange(5000, dtype=np.int16) + 1).tobytes()[5000 - 4096 :][:1])


def test_a_shard_that_changes_while_it_is_read_is_not_remembered(
    folder: Path, rows_read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    found_in = shards.ShardDigest.found_in

    def touching(seal: shards.ShardDigest, path: Path) -> str:
        found = found_in(seal, path)
        touched(path)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(shards.ShardDigest, "found_in", touching)
        opened(folder)
    rows_read.clear()
    opened(folder)
    assert len(rows_read) == 3


def test_times_of_the_future_are_not_trusted(folder: Path, rows_read: list[int]) -> None:
    later = time.time_ns() + 3600 * 10**9
    os.utime(folder / "000.h5", ns=(later, later))
    began = time.monotonic()
    opened(folder)
    assert time.monotonic() - began < 60
    rows_read.clear()
    opened(folder)
    assert len(rows_read) == 1


def broken(record: Path) -> None:
    record.write_bytes(record.read_bytes()[:-9])


def of_other_content(record: Path) -> None:
    write_record(record, {"other": 1})


def not_writable(record: Path) -> None:
    record.unlink()
    record.mkdir()


@pytest.mark.parametrize("damage", [Path.unlink, broken, of_other_content, not_writable])
def test_without_its_record_a_cache_is_read_whole(
    folder: Path, rows_read: list[int], damage: Callable[[Path], None]
) -> None:
    opened(folder)
    damage(verified_record(folder))
    rows_read.clear()
    opened(folder)
    assert len(rows_read) == 3


def test_a_state_holds_for_the_seal_that_was_compared_alone(folder: Path) -> None:
    opened(folder)
    seal = read_manifest(folder, stage="decode").shards["000.h5"].digest
    verified = VerifiedShards(folder)
    assert verified.holds("000.h5", seal)
    assert not verified.holds("000.h5", seal[::-1])
    assert not verified.holds("none.h5", seal)


@pytest.mark.parametrize(("nanoseconds", "step_s"), [(123_456_789, 0.02), (0, 2.0)])
def test_a_file_is_read_when_a_step_of_its_clock_is_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, nanoseconds: int, step_s: float
) -> None:
    changed_ns = 10**18 + nanoseconds
    slept: list[float] = []
    monkeypatch.setattr(State, "of", lambda path: State(1, 2, 3, changed_ns, changed_ns))
    monkeypatch.setattr(VerifiedShards, "_clock_ns", lambda self: changed_ns + 5_000_000)
    monkeypatch.setattr("time.sleep", slept.append)
    with VerifiedShards(folder).reading({"001.h5": "seal"}):
        assert slept == [pytest.approx(step_s - 0.005)]
    assert VerifiedShards(folder).holds("001.h5", "seal")
