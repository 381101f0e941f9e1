"""Nothing decides a byte of these: the number of workers, the order of a listing, clocks, tracks of the test set."""

import os
from pathlib import Path

import numpy as np
import pytest

from fmagc.corpus.index import read_index
from fmagc.paths import STATS, TRACKS
from fmagc.runtime import worker_pool
from fmagc.runtime.tables import write_csv
from tests.support.audio_files import mp3
from tests.support.small_project import OUT_OF, TEST_IDS, Small, write_index
from tests.support.stage_run import run_here

LONG_AGO, FAR_AHEAD = 915_148_800, 2_208_988_800  # 1999 and 2040


@pytest.mark.parametrize(("workers", "stages"), [(1, ["decode", "mel"]), (8, ["decode"])])
def test_any_number_of_workers_and_any_order_of_the_index_make_the_same_bytes(
    fresh: Small, sound: Small, monkeypatch: pytest.MonkeyPatch, workers: int, stages: list[str]
) -> None:
    write_csv(TRACKS, read_index().sample(frac=1, random_state=workers))
    monkeypatch.setattr(worker_pool, "usable_cores", lambda: workers)
    for stage in stages:
        assert run_here(stage) == 0
        assert fresh.published(stage) == sound.published(stage)


@pytest.mark.parametrize("seconds", [LONG_AGO, FAR_AHEAD])
def test_no_time_of_a_file_decides_what_is_made_again(
    made: Small, sound: Small, capfd: pytest.CaptureFixture[str], seconds: int
) -> None:
    for folder, _, names in os.walk("data"):
        for name in names:
            os.utime(Path(folder) / name, (seconds, seconds))
    for stage in OUT_OF:
        assert run_here(stage) == 0
        assert "0 shards made" in capfd.readouterr().out
        assert made.published(stage) == sound.published(stage)


def test_a_clock_that_runs_backwards_is_no_timeout(fresh: Small, sound: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(FAR_AHEAD, LONG_AGO, -1))
    monkeypatch.setattr("time.time", lambda: float(next(ticks)))
    assert run_here("decode") == 0
    assert fresh.published("decode") == sound.published("decode")


def test_the_test_set_leaks_nothing_into_the_statistics(
    made: Small, sound: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (60_000, 1))
    for track_id in TEST_IDS:
        (made.root / f"data/raw/little/{track_id}.mp3").write_bytes(mp3(noise))
    write_index(made)
    monkeypatch.setattr("sys.argv", ["stages.stats", "official"])
    for stage in (*OUT_OF, "stats"):
        assert run_here(stage) == 0
    assert made.published("mel") != sound.published("mel")
    assert (made.root / STATS / "official.json").read_bytes() == (sound.root / STATS / "official.json").read_bytes()
