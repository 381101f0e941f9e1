"""A run of the pipeline reads every byte of the caches once to verify it."""

import shutil
from pathlib import Path

import pytest

from fmagc.cache.manifest import read_manifest
from fmagc.cache.reader import Cache
from fmagc.paths import MELS, WAVES
from tests.support.caches import count_rows
from tests.support.small_project import Small
from tests.support.stage_run import run_here


def link_as_dvc_does(folder: Path) -> None:
    """Give every file of an out another inode, as `dvc repro` does after the stage."""
    for path in folder.iterdir():
        shutil.copyfile(path, path.with_suffix(".copy"))
        path.with_suffix(".copy").replace(path)


def row_bytes(folder: Path) -> int:
    shards = read_manifest(folder, stage="any").shards.values()
    return sum(shard.rows * shard.row_bytes for shard in shards)


def test_each_cache_is_read_whole_once(fresh: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    read = count_rows(monkeypatch)
    monkeypatch.setattr("sys.argv", ["stages.stats", "official"])
    assert run_here("decode") == 0
    link_as_dvc_does(WAVES)
    assert run_here("mel") == 0  # its workers read and verify all waveforms
    link_as_dvc_does(MELS)
    assert read == []
    assert run_here("stats") == 0
    assert sum(read) == row_bytes(MELS)
    for _ in range(3):  # as training, evaluation and robustness open them
        Cache(WAVES, "waves", stage="decode")
        Cache(MELS, "mels", stage="mel")
    assert run_here("stats") == 0
    assert sum(read) == row_bytes(MELS)
    link_as_dvc_does(WAVES)
    Cache(WAVES, "waves", stage="decode")
    assert sum(read) == row_bytes(MELS) + row_bytes(WAVES)
