"""Run tasks in a worker process, from its first moment until its parent closes the pipe."""

import pickle
import resource
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, Self, TypeVar

from fmagc.errors import Reason, RejectedTrack

__all__ = ["MEMORY", "Failure", "Prepared", "preparation", "serve"]

Task = TypeVar("Task")
Value = TypeVar("Value")

MEMORY = 1 << 30  # bytes that a worker may take beyond what its libraries take: a track of 30 s needs a thirtieth


@dataclass(frozen=True)
class Prepared(Generic[Task, Value]):
    """A function, and what a worker does before its first task, in no task's time.

    Attributes
    ----------
    function : callable
    prepare : callable
        Is called once in the server that forks the workers, and once in each worker, where little is left to do: code
        that the server compiled is there. It starts no threads, which a fork would not copy.
    """

    function: Callable[[Task], Value]
    prepare: Callable[[], object]

    def __call__(self, task: Task) -> Value:
        """Run a task."""
        return self.function(task)


@dataclass(frozen=True)
class Failure:
    """An exception on its way from a worker."""

    error: Exception

    @classmethod
    def of(cls, error: Exception, task: object) -> Self:
        """Add to an exception what pickling would lose: the task and the traceback."""
        error.add_note(f"This happened in a worker process, on the task {task!r}.")
        error.add_note("".join(traceback.format_exception(error)))
        return cls(error)


def preparation(function: Callable[[Task], Value]) -> Callable[[], object]:
    """Return what a worker does before the first task of a function."""
    return function.prepare if isinstance(function, Prepared) else _nothing


def _nothing() -> None:
    """Prepare a function that needs nothing but its imports."""


def _cap_memory() -> None:
    """Make allocations beyond the cap fail, before the system kills some other process (in the worker)."""
    status = Path("/proc/self/statm")
    if status.exists():
        taken = int(status.read_text().split()[0]) * resource.getpagesize()
        wanted, (_, hard) = taken + MEMORY, resource.getrlimit(resource.RLIMIT_AS)
        if hard != resource.RLIM_INFINITY and wanted > hard:  # a sound track might then be rejected
            raise MemoryError(f"{wanted >> 20} MiB of addresses needed, {hard >> 20} MiB allowed by `ulimit -v`")
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def serve(packed: bytes, pipe: Connection, lifeline: Connection) -> None:
    """Run the tasks of a pipe until the parent closes it (in the worker); `lifeline` need only stay open."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    with suppress(EOFError, ConnectionError):
        try:
            function: Callable[[Any], Any] = pickle.loads(packed)  # noqa: S301 - from the parent
            preparation(function)()
            _cap_memory()
        except Exception as error:
            return pipe.send(f"the worker could not load its work ({type(error).__name__}: {error})")
        pipe.send(None)  # it is ready: what comes before counts to no task's time
        while True:
            task = pipe.recv()
            answer = _guarded(function, task)
            try:
                pipe.send(answer)
            except (pickle.PicklingError, TypeError, AttributeError) as error:
                pipe.send(Failure.of(error, task))


def _guarded(function: Callable[[Task], Value], task: Task) -> Value | RejectedTrack | Failure:
    try:
        return function(task)
    except RejectedTrack as rejection:
        return rejection
    except MemoryError as error:
        return RejectedTrack(Reason.DECODER_OUT_OF_MEMORY, str(error) or "MemoryError")
    except Exception as error:
        return Failure.of(error, task)
