"""Workers that die at bad moments: when the parent is busy, when they have nothing to do, with the parent."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fmagc.errors import Reason, RejectedTrack
from fmagc.runtime.worker_pool import map_isolated
from tests.support.dag import ROOT


def crash_on_even(task: int) -> int:
    if task % 2 == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return task


def write_pid(path: Path) -> int:
    path.write_text(str(os.getpid()), encoding="ascii")
    return os.getpid()


class Unloadable:
    """A function that ends the process in which it is unpickled."""

    def __call__(self, task: int) -> int:
        return task

    def __reduce__(self) -> tuple[Callable[[int], object], tuple[int]]:
        return os._exit, (5,)


def test_workers_that_cannot_start_end_the_run() -> None:
    with pytest.raises(RuntimeError, match="a worker could not start: the worker left with exit status 5"):
        list(map_isolated(Unloadable(), [1, 2], timeout_s=30, workers=1))


def test_a_busy_parent_blames_nobody_else() -> None:
    done = threading.Event()

    def hold_the_interpreter() -> None:
        while not done.is_set():
            sum(range(1000))

    threads = [threading.Thread(target=hold_the_interpreter) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for outcome in map_isolated(crash_on_even, range(24), timeout_s=60, workers=2):
            if outcome.task % 2 == 0:
                assert isinstance(outcome.result, RejectedTrack)
                assert outcome.result.reason == Reason.DECODER_CRASHED
            else:
                assert outcome.result == outcome.task
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_worker_that_dies_idle_costs_no_task(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    def tasks() -> Iterator[Path]:
        yield first
        while not first.exists() or not first.read_text(encoding="ascii"):
            time.sleep(0.01)
        time.sleep(0.5)  # until it waits for its next task
        os.kill(int(first.read_text(encoding="ascii")), signal.SIGKILL)
        time.sleep(0.2)
        yield second

    pids = [outcome.result for outcome in map_isolated(write_pid, tasks(), timeout_s=30, workers=1)]
    assert pids == [int(path.read_text(encoding="ascii")) for path in (first, second)]
    assert pids[0] != pids[1]


def test_a_killed_parent_leaves_no_worker_even_in_a_hang(tmp_path: Path) -> None:
    script = tmp_path / "hangs.py"
    script.write_text(
        "import os, signal, time\n"
        "from fmagc.runtime.worker_pool import map_isolated\n"
        "def hang(task):\n"
        "    return task and (os.kill(os.getpid(), signal.SIGSTOP) if task == 'stop' else time.sleep(600))\n"
        "if __name__ == '__main__':\n"
        "    for outcome in map_isolated(hang, ['', 'stop', 'sleep'], timeout_s=900, workers=2):\n"
        "        print('under way', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        time.sleep(0.5)  # until both workers hang
        process.kill()
        process.communicate(timeout=30)  # returns when the last holder of the pipe is gone
