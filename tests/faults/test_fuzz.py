"""The fuzzer at a size that every run of the tests can bear."""

from itertools import pairwise
from pathlib import Path

from tests.faults.fuzz import fuzz
from tests.support.mutations import frames_of, mutated, synthetic_sources


def test_damaged_files_cost_themselves_alone(tmp_path: Path) -> None:
    report = fuzz(tmp_path, sources=synthetic_sources(), count=150, seed=1)
    assert report.faults == []
    assert len(report.ledger) == 167
    assert {"", "truncated", "decode_error"} <= set(report.ledger["reason"])  # there was something to reject


def test_damage_repeats() -> None:
    sources = [b"\xff\xfb\x90\x64" * 100, bytes(range(256))]
    files = [mutated(sources, seed=3, number=number) for number in range(200)]
    assert files == [mutated(sources, seed=3, number=number) for number in range(200)]
    assert len(set(files)) > 150
    assert files != [mutated(sources, seed=4, number=number) for number in range(200)]


def test_frames_are_found() -> None:
    for source in synthetic_sources():
        frames = frames_of(source)
        assert len(frames) > 10
        assert all(before.stop == after.start for before, after in pairwise(frames))
