"""Workers that die or stop at bad moments: as they start, idle, while the parent is busy, with the parent."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import forkserver
from pathlib import Path

import pytest

from fmagc.errors import Reason, RejectedTrack, WorkerError
from fmagc.runtime import worker_process
from fmagc.runtime.worker_pool import map_isolated
from tests.support.dag import ROOT
from tests.support.small_project import Small


def crash_on_even(task: int) -> int:
    if task % 2 == 0:
        os.kill(os.getpid(), signal.SIGSEGV)
    return task


def write_pid(path: Path) -> int:
    path.write_text(str(os.getpid()), encoding="ascii")
    return os.getpid()


def send_signals(number: int, times: int, counter: Path) -> Callable[[int], int]:
    """Send this process a signal, the first times that any process comes here."""
    with counter.open("ab") as file:
        file.write(b"x")
    if counter.stat().st_size <= times:
        os.kill(os.getpid(), number)
    return abs


@dataclass(frozen=True)
class Fatal:
    """A function that sends signals to the first processes that load it."""

    number: int
    times: int
    counter: Path

    def __call__(self, task: int) -> int:
        return task

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return send_signals, (self.number, self.times, self.counter)


class Unloadable(Fatal):
    """A function whose module the worker does not have."""

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return import_module, ("no_such_module",)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a worker for a little while only."""
    monkeypatch.setattr(worker_process, "_START_S", 8.0)


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_worker_that_is_stopped_or_killed_as_it_starts_is_started_again(
    tmp_path: Path, impatient: None, number: int
) -> None:
    function = Fatal(number, 1, tmp_path / "counter")
    outcomes = list(map_isolated(function, [-1, -2], timeout_s=30, workers=1))
    assert [outcome.result for outcome in outcomes] == [1, 2]
    assert function.counter.stat().st_size == 2


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (signal.SIGSTOP, "the worker was not ready after 3 s, in each of 3 tries"),
        (signal.SIGKILL, "the worker died of SIGKILL, in each of 3 tries"),
    ],
)
def test_workers_that_never_start_end_the_run_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, cause: str
) -> None:
    if number == signal.SIGSTOP:
        list(map_isolated(abs, [1], timeout_s=30, workers=1))  # the server runs
        monkeypatch.setattr(worker_process, "_START_S", 3.0)
    function = Fatal(number, 100, tmp_path / "counter")
    with pytest.raises(WorkerError, match=f"expected to start them, found that {cause}: look at the limits"):
        list(map_isolated(function, [-1, -2], timeout_s=30, workers=1))
    assert function.counter.stat().st_size <= 3


def test_a_worker_that_cannot_load_its_function_says_why(tmp_path: Path) -> None:
    with pytest.raises(WorkerError, match="ModuleNotFoundError: No module named 'no_such_module'"):
        list(map_isolated(Unloadable(0, 0, tmp_path), [1, 2], timeout_s=30, workers=1))


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_a_server_of_workers_that_is_stopped_or_killed_is_replaced(impatient: None, number: int) -> None:
    assert [outcome.result for outcome in map_isolated(abs, [-1], timeout_s=30, workers=1)] == [1]
    os.kill(forkserver._forkserver._forkserver_pid, number)
    assert [outcome.result for outcome in map_isolated(abs, [-2], timeout_s=30, workers=1)] == [2]


@pytest.mark.parametrize(
    ("limit", "cause"),
    [
        ("--nofile=24", "Too many open files"),
        (f"--as={1 << 30}", r"MiB of addresses needed, 1024 MiB allowed by `ulimit -v`"),
    ],
)
def test_limits_that_leave_no_room_for_workers_end_the_run_with_one_line(fresh: Small, limit: str, cause: str) -> None:
    ended = fresh.run("stages.decode", prefix=("prlimit", limit))
    assert (ended.status, len(ended.errors)) == (1, 1), ended
    (line,) = ended.errors
    assert re.match(f"error: worker processes: expected to start them, found that .*{cause}.*`ulimit -a`", line)


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


HANGS = """
import os, signal, sys, time
from multiprocessing import forkserver
from fmagc.runtime.worker_pool import map_isolated

def hang(task):
    return task and (os.kill(os.getpid(), signal.SIGSTOP) if task == "stop" else time.sleep(600))

def stop():
    os.write(1, b"under way\\n")  # whole, whatever the other worker writes
    os.kill(os.getpid(), signal.SIGSTOP)

class StopsAsItLoads:
    def __reduce__(self):
        return stop, ()

def tasks():
    yield ""
    yield "stop"
    yield "sleep"

if __name__ == "__main__":
    if sys.argv[1] == "server":
        list(map_isolated(hang, [""], timeout_s=900, workers=1))
        os.kill(forkserver._forkserver._forkserver_pid, signal.SIGSTOP)
        print("under way", flush=True)
    function = StopsAsItLoads() if sys.argv[1] == "start" else hang
    for outcome in map_isolated(function, tasks(), timeout_s=900, workers=2):
        print("under way", flush=True)
"""


@pytest.mark.parametrize("hang", ["task", "start", "server"])
def test_a_killed_parent_leaves_no_worker_even_in_a_hang(tmp_path: Path, hang: str) -> None:
    script = tmp_path / "hangs.py"
    script.write_text(HANGS)
    with subprocess.Popen(
        [sys.executable, script, hang], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        time.sleep(0.5)  # until both workers hang
        process.kill()
        process.communicate(timeout=30)  # returns when the last holder of the pipe is gone
