"""Run tasks in isolated processes of this machine, so that a task that crashes or hangs costs itself alone."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from fmagc.errors import RejectedTrack
from fmagc.runtime.worker_main import Prepared
from fmagc.runtime.worker_process import Worker, refusals, worker_context

__all__ = ["Prepared", "TaskResult", "map_isolated", "usable_cores"]

Task = TypeVar("Task")
Value = TypeVar("Value")

_WAITING = 8  # tasks under way or done early, per worker: work for them while the caller is busy, a bound for memory


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult(Generic[Task, Value]):
    """The outcome of one task.

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


def map_isolated(
    function: Callable[[Task], Value],
    tasks: Iterable[Task],
    *,
    timeout_s: float,
    workers: int | None = None,
    waiting: int = _WAITING,
) -> Generator[TaskResult[Task, Value], None, None]:
    """Run a function on every task in worker processes and yield the outcomes in the order of the tasks.

    Tasks are taken from the iterable as they are needed and few outcomes wait, so memory does not grow with their
    number; what a worker takes is capped (`worker_main.MEMORY`, by the limit of its address space, where the system
    has one). The workers are stopped when the iterator ends, is closed, or an exception passes through it; a caller
    that may leave early holds it in ``contextlib.closing``.

    Parameters
    ----------
    function : callable
        Takes a task and returns a value. It, the tasks and the values must survive pickling. It may raise
        `RejectedTrack`, which is an outcome. What its processes should do first, such as compiling, stands in a
        `Prepared`.
    tasks : iterable
    timeout_s : float, s
        A task that runs longer has its worker killed.
    workers : int, optional
        Number of processes; one more than `usable_cores` when None, since at any time one of them waits for the disk.
    waiting : int
        Tasks under way or done early, per worker: fewer where their values are large.

    Yields
    ------
    TaskResult

    Raises
    ------
    WorkerError
        When no worker process can be started.
    Exception
        Whatever else the function raised, which is a fault of the program; its notes name the task.
    """
    n_workers = workers or usable_cores() + 1
    with refusals():
        context = worker_context(function)
        stopped, stop = context.Pipe(duplex=False)
    tended = [Worker(function, context, stopped) for _ in range(n_workers)]
    idle: SimpleQueue[Worker[Task, Value]] = SimpleQueue()
    for worker in tended:
        idle.put(worker)

    def run(task: Task) -> Value | RejectedTrack:
        worker = idle.get()
        try:
            return worker.run(task, timeout_s=timeout_s)
        finally:
            idle.put(worker)

    threads = ThreadPoolExecutor(n_workers, thread_name_prefix="tends a worker")
    under_way: deque[tuple[Task, Future[Value | RejectedTrack]]] = deque()
    try:
        for task in tasks:
            with refusals():
                future = threads.submit(run, task)
            under_way.append((task, future))
            if len(under_way) >= waiting * n_workers:
                first, future = under_way.popleft()
                yield TaskResult(task=first, result=future.result())
        for last, future in under_way:
            yield TaskResult(task=last, result=future.result())
    finally:
        stop.close()  # which wakes every thread that waits for a worker
        threads.shutdown(cancel_futures=True)
        for worker in tended:
            worker.end()
        stopped.close()
