"""Disks that are full, small or read-only, and two runs at once: one clear line, and nothing finished is lost."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fmagc.cache.build import mel_shard, mels, waveform_shard, waveforms
from fmagc.cache.reader import Cache
from fmagc.paths import WAVES
from fmagc.runtime import artifact_store
from tests.faults.kills import clear
from tests.support.small_project import OUT_OF, SHARDS, Small, without_bars
from tests.support.stage_run import before_call, run_here

ROOM = 24 << 20  # bytes of the little disk: the project takes a tenth
FULL = "no space left on device: make room there (`dvc gc -w` drops what the workspace does not use), then run again"

# where the disk is full all of a sudden, before the n-th call, and how many shards are finished by then
MOMENTS = {
    "decode": [("start", 3, range(3)), ("seal", 2, [1]), ("metadata", 2, [1]), ("ledger", 1, [4])],
    "mel": [("start", 3, range(3)), ("manifest", 1, [4])],
}
PLACES = {
    "start": [(waveforms, "create_empty"), (mels, "create_empty")],
    "seal": [(waveform_shard, "seal"), (mel_shard, "seal")],
    "metadata": [(artifact_store, "write_record")],
    "ledger": [(waveforms, "write_ledger")],
    "manifest": [(waveforms, "write_manifest"), (mels, "write_manifest")],
}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@pytest.fixture
def disk(made: Small, monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    """Put the sound project on a small disk of its own, and go there."""
    place = made.root.parent / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(place)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("this root may not mount")
    try:
        shutil.copytree(made.root, place / "little")
        monkeypatch.chdir(place / "little")
        yield Small(place / "little")
    finally:
        os.chdir("/")
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path: Path) -> None:
    """Take all that is left of a disk."""
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(1 << 16)):
                pass
        except OSError:
            return


def errors_of(capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Return what was printed as an error, without bars of progress."""
    return without_bars(capfd.readouterr().err)


@as_root
@pytest.mark.parametrize(
    ("stage", "step", "number", "finished"),
    [(stage, *moment) for stage, moments in MOMENTS.items() for moment in moments],
)
def test_a_disk_that_fills_up_ends_the_run_with_one_line(
    disk: Small,
    sound: Small,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    stage: str,
    step: str,
    number: int,
    finished: range | list[int],
) -> None:
    clear(disk, stage)
    with monkeypatch.context() as patch:
        before_call(patch, PLACES[step], number, lambda: fill(disk.root / "filler"))
        status = run_here(stage)
    errors = errors_of(capfd)
    assert (status, len(errors)) == (1, 1), errors
    assert errors[0].startswith("error: data/")
    assert FULL in errors[0]
    kept = disk.artifacts(stage)
    assert len(kept) in finished
    left = {path.name for folder in (disk.store(stage), disk.root / OUT_OF[stage]) for path in folder.glob(".*")}
    assert left == set()
    (disk.root / "filler").unlink()
    assert run_here(stage) == 0
    assert f"{len(SHARDS) - len(kept)} shards made" in capfd.readouterr().out
    assert {name: disk.artifacts(stage)[name] for name in kept} == kept
    assert disk.published(stage) == sound.published(stage)


def test_a_limit_of_a_files_size_ends_the_run_with_one_line(made: Small, sound: Small) -> None:
    stage, limit = "decode", 495_000  # bytes: between the largest part and the others
    clear(made, stage)
    ended = made.run(f"stages.{stage}", prefix=("prlimit", f"--fsize={limit}"))
    assert (ended.status, len(ended.errors)) == (1, 1), ended
    where = f"data/.staging/{stage}/.003.h5.part"  # the largest; of the others, none is lost
    assert ended.errors[0].startswith(f"error: {where}: file too large: raise the limit of a file's size (`ulimit -f`)")
    assert len(made.artifacts(stage)) == 3
    assert list(made.store(stage).glob(".*")) == []
    assert run_here(stage) == 0
    assert made.published(stage) == sound.published(stage)


@pytest.mark.parametrize("stage", OUT_OF)
def test_a_disk_that_is_too_small_is_refused_before_anything_starts(
    made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], stage: str
) -> None:
    if stage == "decode":
        monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1 << 10))
        made.change("audio", max_seconds=0.9)
    else:
        made.change("mel", hop_length=1, n_mels=1 << 24)
    before = made.published(stage)
    assert run_here(stage) == 1
    (line,) = errors_of(capfd)
    assert f"error: data/.staging/{stage}: 1" in line
    assert "need up to" in line
    assert "B are free: make room for" in line
    assert line.endswith("nothing was started")
    assert made.published(stage) == before
    assert len(made.artifacts(stage)) == len(SHARDS)


@as_root
def test_where_links_do_not_reach_the_copies_need_room_too(
    disk: Small, made: Small, sound: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(disk.root / "data/waves")
    (disk.root / "data/waves").symlink_to(made.root / "data/waves")  # on another disk
    assert run_here("decode") == 0
    assert disk.published("decode") == sound.published("decode")
    (disk.root / "data/waves").unlink()
    shutil.rmtree(disk.root / "data/.staging")
    (disk.root / "data/.staging").symlink_to(made.root / "data/.staging")
    fill(disk.root / "filler")
    capfd.readouterr()
    assert run_here("decode") == 1
    (line,) = errors_of(capfd)
    assert line.startswith("error: data: copies of 0 waveforms need up to ")


@pytest.mark.parametrize(
    ("stage", "locked"),
    [("decode", "data"), ("decode", "data/waves"), ("decode", "data/.staging/decode"), ("mel", "data/mels")],
)
def test_a_read_only_folder_is_refused_before_anything_starts(made: Small, stage: str, locked: str) -> None:
    shutil.rmtree(made.store(stage))
    made.store(stage).mkdir()
    if locked == "data":
        shutil.rmtree(made.root / OUT_OF[stage])
    before = made.published(stage)
    (made.root / locked).chmod(0o555)
    without_root = "--bounding-set=-dac_override,-dac_read_search,-fowner"
    ended = made.run(f"stages.{stage}", prefix=("setpriv", without_root) if os.geteuid() == 0 else ())
    (made.root / locked).chmod(0o755)
    assert (ended.status, len(ended.errors)) == (1, 1), ended
    assert ended.errors[0].startswith(f"error: {locked}/")
    assert "permission denied: let this user read and write there, then run again" in ended.errors[0]
    assert "to decode" not in ended.out
    assert "to take" not in ended.out
    assert made.published(stage) == before


def test_a_second_decode_names_the_first_and_disturbs_nothing(
    fresh: Small, sound: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    lock = fresh.root / "data/.staging/decode.lock"
    with fresh.start("stages.decode") as first:
        until = time.monotonic() + 60
        while (not lock.exists() or not lock.read_text()) and time.monotonic() < until:
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # however slow this machine is, it is in the middle of its work
        status = run_here("decode")
        first.send_signal(signal.SIGCONT)
        first.communicate()
    assert status == 1
    holder = f"error: data/.staging/decode: process {first.pid} is already at this stage: "
    assert errors_of(capfd) == [f"{holder}wait for it, or end it, and run again"]
    assert first.returncode == 0
    assert fresh.published("decode") == sound.published("decode")


def test_a_reader_keeps_what_it_opened_while_decode_publishes_other_shards(made: Small) -> None:
    cache = Cache(WAVES, "waves", columns=["scale"], stage="decode")
    held = {track_id: (cache[track_id].values, np.array(cache[track_id].values)) for track_id in cache.track_ids}
    made.change("audio", max_seconds=0.8)
    assert run_here("decode") == 0
    for values, copy in held.values():
        np.testing.assert_array_equal(values, copy)
    again = Cache(WAVES, "waves", columns=["scale"], stage="decode")
    assert max(again.lengths.values()) < max(cache.lengths.values())
