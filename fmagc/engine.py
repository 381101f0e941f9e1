"""Where work runs: isolated processes of this machine, so that a task that crashes or hangs costs itself alone."""

import multiprocessing
import os
import resource
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import forkserver
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Generic, TypeVar

from pebble import ProcessExpired, ProcessPool

from fmagc.errors import Reason, RejectedTrack

__all__ = ["MEMORY", "Outcome", "run_isolated", "usable_cores"]

Task = TypeVar("Task")
Value = TypeVar("Value")

MEMORY = 1 << 30  # bytes that a worker may take beyond what its libraries take: a track of 30 s needs a thirtieth

_WAITING = 8  # tasks under way or done early, per worker: work for them while the caller is busy, a bound for memory
_ONE_THREAD = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[Task, Value]):
    """What became of one task.

    Attributes
    ----------
    task : Task
        As it was submitted.
    result : Value or RejectedTrack
        What the function returned, or why there is nothing: the rejection that it raised, or one of
        ``decoder_crashed``, ``decoder_timeout`` and ``decoder_out_of_memory``.
    """

    task: Task
    result: Value | RejectedTrack


def usable_cores() -> int:
    """Count the cores that this process may use, which a container or a batch system can make fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_isolated(
    function: Callable[[Task], Value], tasks: Iterable[Task], *, timeout_s: float, workers: int | None = None
) -> Generator[Outcome[Task, Value], None, None]:
    """Run a function on every task in worker processes and yield the outcomes in the order of the tasks.

    Tasks are taken from the iterable as they are needed and few outcomes wait, so memory does not grow with their
    number; what a worker takes is capped (`MEMORY`, by the limit of its address space, where the system has one). The
    workers are stopped when the iterator ends, is closed, or an exception passes through it; a caller that
    may leave early holds it in ``contextlib.closing``. They end by themselves when this process is killed.

    Parameters
    ----------
    function : callable
        Takes a task and returns a value. It, the tasks and the values must survive pickling. It may raise
        `RejectedTrack`, which is an outcome.
    tasks : iterable
    timeout_s : float, s
        A task that runs longer has its worker killed.
    workers : int, optional
        Number of processes; `usable_cores` when None.

    Yields
    ------
    Outcome

    Raises
    ------
    Exception
        Whatever else the function raised, which is a fault of the program; a note names the task.
    """
    n_workers = workers or usable_cores()
    pool = ProcessPool(max_workers=n_workers, context=_context(function), initializer=_prepare_worker)
    under_way: deque[tuple[Task, Future[Value | RejectedTrack]]] = deque()
    ended = False
    try:
        for task in tasks:
            under_way.append((task, pool.schedule(_guarded, args=(function, task), timeout=timeout_s)))
            if len(under_way) >= _WAITING * n_workers:
                yield _outcome(*under_way.popleft(), timeout_s=timeout_s)
        while under_way:
            yield _outcome(*under_way.popleft(), timeout_s=timeout_s)
        ended = True
    finally:
        if ended:
            pool.close()  # type: ignore[no-untyped-call]
        else:
            pool.stop()  # type: ignore[no-untyped-call]
        pool.join()


def _context(function: Callable[[Task], Value]) -> BaseContext:
    """Choose how workers start: never by forking this process, whose threads and locks would come along half alive.

    A server that is forked instead imports what the function needs, once for all workers.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    multiprocessing.set_forkserver_preload([_bare(function).__module__])
    with _environment(_ONE_THREAD):  # there is a worker a core, so its libraries need no threads of their own
        forkserver.ensure_running()
    return multiprocessing.get_context("forkserver")


def _bare(function: Callable[[Task], Value]) -> Callable[..., Value]:
    return function.func if isinstance(function, partial) else function


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _prepare_worker() -> None:
    """Run in the worker, before its first task."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _cap_memory()


def _end_with_parent() -> None:
    """Die when the parent does, in the middle of a task too: its late writes could meet the next run."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGKILL)


def _cap_memory() -> None:
    """Let an allocation beyond the cap fail, before the system kills whom it likes."""
    status = Path("/proc/self/statm")
    if status.exists():
        taken = int(status.read_text().split()[0]) * resource.getpagesize()
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, hard))


def _guarded(function: Callable[[Task], Value], task: Task) -> Value | RejectedTrack:
    """Run in the worker: turn what is an outcome into a value, so that other exceptions mean what they say."""
    try:
        return function(task)
    except RejectedTrack as rejection:
        return rejection
    except MemoryError as error:
        return RejectedTrack(Reason.DECODER_OUT_OF_MEMORY, str(error) or "MemoryError")
    except TimeoutError as error:  # the parent would take it for its own
        raise RuntimeError(f"the task met a TimeoutError of its own: {error}") from error


def _outcome(task: Task, future: "Future[Value | RejectedTrack]", *, timeout_s: float) -> Outcome[Task, Value]:
    try:
        return Outcome(task=task, result=future.result())
    except TimeoutError:
        return Outcome(task=task, result=RejectedTrack(Reason.DECODER_TIMEOUT, f"stopped after {timeout_s:g} s"))
    except ProcessExpired as expired:
        return Outcome(task=task, result=RejectedTrack(Reason.DECODER_CRASHED, _cause_of_death(expired.exitcode)))
    except Exception as error:
        error.add_note(f"This happened in a worker process, on the task {task!r}.")
        raise


def _cause_of_death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"the worker left with exit status {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-exit_code}"
    return f"the worker died of {name}"
