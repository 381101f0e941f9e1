"""Decode and mel on a Dask cluster: the same bytes as on this machine, also when a worker is lost midway."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import distributed
import pandas as pd
import pytest

from fmagc.cache.build.mels import make_mels
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.manifest import read_manifest
from fmagc.errors import DataError, SettingsError
from fmagc.params.run import Engine
from fmagc.params.signal import Clip, Mel
from fmagc.runtime import dask_pool
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.dask_pool import Runner, runner_of
from fmagc.runtime.files import file_sha1
from fmagc.runtime.worker_pool import map_isolated
from tests.support.audio_files import SETTINGS, mp3, music
from tests.support.dag import ROOT

CLIP = Clip(samples=2**15)
MEL = Mel(n_fft=1024, hop_length=512, n_mels=32, fmin=0.0, fmax=None, top_db=80.0)
AUDIO = SETTINGS.model_copy(update={"ids_per_shard": 10, "max_reject_fraction": 0.5})


class Cluster:
    """A scheduler and two workers, each a process of its own, on this machine."""

    def __init__(self, folder: Path) -> None:
        environment = os.environ | {"PYTHONPATH": str(ROOT)}

        def start(*command: str) -> "subprocess.Popen[bytes]":
            return subprocess.Popen(
                [sys.executable, "-m", *command], cwd=folder, env=environment, stderr=subprocess.DEVNULL
            )

        where = folder / "scheduler.json"
        common = ("--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(where))
        self.scheduler = start("distributed.cli.dask_scheduler", "--port", "0", *common)
        self.workers = [start("distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", *common) for _ in "ab"]
        with distributed.Client(scheduler_file=str(where), set_as_default=False) as client:
            client.wait_for_workers(2, timeout=60)
            self.address = client.scheduler.address

    def close(self) -> None:
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start in a folder that is not the project's, as workers elsewhere would; the last test loses a worker of it."""
    cluster = Cluster(tmp_path_factory.mktemp("elsewhere"))
    yield cluster
    cluster.close()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    """Make a folder with forty tracks, two of them broken, whose workers run this checkout's code; return the index."""
    folder = tmp_path / "project"
    (folder / "raw").mkdir(parents=True)
    (folder / "data/.staging").mkdir(parents=True)
    (folder / "fmagc").symlink_to(ROOT / "fmagc")
    monkeypatch.chdir(folder)
    rows = []
    for track_id in range(40):
        path = folder / f"raw/{track_id:06d}.mp3"
        path.write_bytes(mp3(music(2**16)[track_id * 100 :]) if track_id not in (7, 23) else b"no MP3")
        rows.append({"track_id": track_id, "path": path.name, "sha1": file_sha1(path), "listed_sha1": ""})
    return pd.DataFrame(rows)


def cache_made(name: str, index: pd.DataFrame, run: Runner) -> dict[str, bytes]:
    """Make both caches and return every file of them."""
    folder = Path("data") / name
    with ArtifactStore("decode", root=folder / "store") as store:
        make_waves(index, raw=Path("raw"), audio=AUDIO, clip=CLIP, store=store, out=folder / "waves", run=run)
    with ArtifactStore("mel", root=folder / "store") as store:
        waves = read_manifest(folder / "waves", stage="decode")
        make_mels(waves, MEL, store=store, out=folder / "mels", run=run)
    paths = sorted(path for part in ("waves", "mels") for path in (folder / part).iterdir())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def during(moment: int, deed: Callable[[], None], run: Runner) -> Runner:
    """Do something once, when so many outcomes have come."""
    state = {"seen": 0}

    def disturbed(function, tasks, *, timeout_s):  # type: ignore[no-untyped-def]
        for outcome in run(function, tasks, timeout_s=timeout_s):
            state["seen"] += 1
            if state["seen"] == moment:
                deed()
            yield outcome

    return disturbed


def test_an_exception_of_the_work_arrives(cluster: Cluster, project: pd.DataFrame) -> None:
    with pytest.raises(TypeError, match="bad operand"):
        list(runner_of(Engine(scheduler=cluster.address))(abs, ["a"], timeout_s=30))


def test_a_folder_that_workers_do_not_see_is_named(
    cluster: Cluster, project: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_pool, "_text_of", lambda path: "")
    with pytest.raises(DataError, match="expected every worker to see this folder at this path"):
        list(runner_of(Engine(scheduler=cluster.address))(abs, [1], timeout_s=30))


def test_a_scheduler_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_pool, "_ANSWER_S", 1.0)
    with pytest.raises(DataError, match="expected a Dask scheduler at tcp:"):
        list(runner_of(Engine(scheduler="tcp://127.0.0.1:9"))(abs, [1], timeout_s=30))


def test_without_dask_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(SettingsError, match=r"pip install -c constraints.txt -e '.\[cluster\]'"):
        list(runner_of(Engine(scheduler="tcp://127.0.0.1:9"))(abs, [1], timeout_s=30))


def test_a_cluster_makes_the_same_bytes_also_when_a_worker_is_lost(cluster: Cluster, project: pd.DataFrame) -> None:
    run = runner_of(Engine(scheduler=cluster.address))
    here = cache_made("here", project, map_isolated)
    assert len(here) == 4 + 2 + 4 + 1  # shards, manifests, the ledger
    assert cache_made("there", project, run) == here
    assert cache_made("lost", project, during(9, lambda: cluster.workers[0].kill(), run)) == here
    assert cluster.workers[0].wait() == -signal.SIGKILL


def write_pid_and_sleep(written: Path) -> None:
    """Write who works here, and do not come to an end."""
    written.write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(600)


def test_what_ran_for_a_worker_ends_with_it(tmp_path: Path) -> None:
    written = tmp_path / "written"
    code = (
        "from pathlib import Path; from fmagc.runtime.dask_worker import run_bundle; "
        "from tests.faults import test_cluster;"
        f"run_bundle(test_cluster.write_pid_and_sleep, [Path({str(written)!r})], timeout_s=900, folder=Path())"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    deadline = time.monotonic() + 60
    while not (written.exists() and written.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.05)
    isolated = int(written.read_text(encoding="utf-8"))
    worker.kill()
    worker.wait()
    while Path(f"/proc/{isolated}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{isolated}").exists()
