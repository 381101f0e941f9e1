"""Tasks that crash, hang and eat memory, beside innocent neighbours."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from functools import lru_cache
from multiprocessing import forkserver
from pathlib import Path

import pytest

from fmagc.errors import Reason, RejectedTrack, WorkerError
from fmagc.runtime import worker_process
from fmagc.runtime.worker_pool import Prepared, TaskResult, map_isolated, usable_cores
from tests.support.dag import ROOT


def work(task: str) -> str:
    if task == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "exit":
        os._exit(7)
    if task == "hang":
        time.sleep(600)
    if task == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if task == "memory":
        bytearray(1 << 62)
    if task == "reject":
        raise RejectedTrack(Reason.NO_AUDIO, "nothing in it")
    if task == "bug":
        raise KeyError("misspelt")
    if task == "lambda":
        return lambda: task  # type: ignore[return-value]
    if task == "own timeout":
        raise TimeoutError("a socket's")
    return task.upper()


def slow_first(task: int) -> int:
    time.sleep(0.3 if task == 0 else 0)
    return os.getpid()


@lru_cache
def prepared_by() -> int:
    return os.getpid()


def who_prepared(task: int) -> tuple[int, int]:
    return prepared_by(), os.getpid()


def misprepared() -> None:
    raise ValueError("nothing to compile with")


@pytest.fixture
def no_server() -> None:
    """End the server that forks workers, if one runs: the next pool starts its own."""
    worker_process._kill_forkserver()


def server() -> int:
    pid = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    assert isinstance(pid, int)
    return pid


def reasons(outcomes: Iterator[TaskResult[str, str]]) -> list[tuple[str, str]]:
    return [(o.task, o.result.reason if isinstance(o.result, RejectedTrack) else o.result) for o in outcomes]


def test_each_trouble_costs_its_own_task() -> None:
    tasks = ["a", "crash", "b", "exit", "c", "memory", "d", "reject", "e", "hang", "f"]
    assert reasons(map_isolated(work, tasks, timeout_s=1.0, workers=2)) == [
        ("a", "A"),
        ("crash", Reason.DECODER_CRASHED),
        ("b", "B"),
        ("exit", Reason.DECODER_CRASHED),
        ("c", "C"),
        ("memory", Reason.DECODER_OUT_OF_MEMORY),
        ("d", "D"),
        ("reject", Reason.NO_AUDIO),
        ("e", "E"),
        ("hang", Reason.DECODER_TIMEOUT),
        ("f", "F"),
    ]
    assert multiprocessing.active_children() == []


def test_details_name_the_cause() -> None:
    outcomes = map_isolated(work, ["crash", "exit", "reject"], timeout_s=30, workers=1)
    details = [o.result.detail for o in outcomes if isinstance(o.result, RejectedTrack)]
    assert details == ["the worker died of SIGSEGV", "the worker left with exit status 7", "nothing in it"]


def test_a_stopped_worker_is_killed() -> None:
    outcomes = reasons(map_isolated(work, ["stop", "a"], timeout_s=0.5, workers=1))
    assert outcomes == [("stop", Reason.DECODER_TIMEOUT), ("a", "A")]


@pytest.mark.parametrize(
    ("task", "error"), [("bug", KeyError), ("own timeout", TimeoutError), ("lambda", AttributeError)]
)
def test_other_exceptions_are_bugs_and_name_the_task(task: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        list(map_isolated(work, ["a", task, "b"], timeout_s=30, workers=1))
    assert repr(task) in caught.value.__notes__[0]
    assert multiprocessing.active_children() == []


def test_order_is_kept_and_few_tasks_are_taken_early() -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(80):
            taken.append(task)
            yield task

    with closing(map_isolated(slow_first, tasks(), timeout_s=30, workers=2)) as outcomes:
        assert next(outcomes).task == 0
        assert len(taken) <= 16  # although the second worker had time for all of them
        assert [outcome.task for outcome in outcomes] == list(range(1, 80))


def test_leaving_early_stops_the_workers() -> None:
    outcomes = map_isolated(slow_first, range(9), timeout_s=30, workers=2)
    pid = next(outcomes).result
    outcomes.close()
    assert multiprocessing.active_children() == []
    assert isinstance(pid, int)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_workers_need_is_prepared_once_in_the_server_that_forks_them(no_server: None) -> None:
    outcomes = map_isolated(Prepared(who_prepared, prepared_by), range(4), timeout_s=30, workers=2)
    assert {outcome.result[0] for outcome in outcomes if isinstance(outcome.result, tuple)} == {server()}


def test_a_server_that_runs_already_leaves_the_preparation_to_each_worker(no_server: None) -> None:
    assert reasons(map_isolated(work, ["a"], timeout_s=30, workers=1)) == [("a", "A")]
    (outcome,) = map_isolated(Prepared(who_prepared, prepared_by), [0], timeout_s=30, workers=1)
    assert isinstance(outcome.result, tuple)
    assert len(set(outcome.result)) == 1


def test_a_preparation_that_fails_is_reported(no_server: None) -> None:
    with pytest.raises(WorkerError, match="ValueError: nothing to compile with"):
        list(map_isolated(Prepared(work, misprepared), ["a"], timeout_s=30, workers=1))


def test_a_parent_with_threads_is_safe() -> None:
    lock = threading.Lock()
    with lock:
        assert reasons(map_isolated(work, ["a"], timeout_s=30, workers=1)) == [("a", "A")]


def test_ctrl_c_ends_everything_without_workers_tracebacks(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(
        "import time\n"
        "from fmagc.runtime.worker_pool import map_isolated\n"
        "if __name__ == '__main__':\n"
        "    for outcome in map_isolated(time.sleep, [0, 600, 600], timeout_s=900, workers=2):\n"
        "        print('under way', flush=True)\n"
    )
    with subprocess.Popen(
        [sys.executable, script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, errors = process.communicate(timeout=60)  # returns when the last holder of the pipes is gone
    assert process.returncode != 0
    assert errors.count("Traceback") == 1


def test_usable_cores() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
