"""Start a worker process, give it one task at a time, and replace it when it dies, hangs or does not start."""

import fcntl
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerContext
from typing import Any, Generic, TypeVar

from fmagc.errors import Reason, RejectedTrack, WorkerError
from fmagc.runtime import fork_server
from fmagc.runtime.worker_main import Failure, Prepared, preparation, serve

__all__ = ["Worker", "refusals", "worker_context"]

Task = TypeVar("Task")
Value = TypeVar("Value")

_START_S = 60.0  # until a worker is ready: a second on an idle machine, a quarter of a minute on a busy one
_PREPARE_S = 600.0  # longer, where it has to be prepared
_TRIES = 3  # to start a worker, for one of which a signal may be to blame
_DESCRIPTORS = 8  # that multiprocessing opens to start a server and a worker, all but a few of them for a moment
_DYING_S = 5.0  # a process that closed its pipe is about to end; a kill before that would hide the cause
# Of a worker: one thread, since the workers take every core; and glibc's allocator is to keep what a track took for the
# next one, since the kernel's work on fresh pages costs more than what is done with them.
_ENVIRONMENT = dict.fromkeys(("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1") | {
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}


class Worker(Generic[Task, Value]):
    """A process that runs one task at a time, and is replaced by a new one when it dies or is killed.

    One thread at a time uses it, and nothing is shared with other workers, no queue and no lock: whatever a process
    dies of, at whatever moment, is known to belong to the task that it was given.

    Parameters
    ----------
    function : callable
    context : multiprocessing context
    stopped : Connection
        Readable as soon as nobody waits for tasks any more.
    """

    _starting = threading.Lock()  # multiprocessing looks after all children when one starts, from any thread

    def __init__(self, function: Callable[[Task], Value], context: ForkServerContext, stopped: Connection) -> None:
        self._function = function
        self._context = context
        self._stopped = stopped
        self._process: Any = None

    def run(self, task: Task, *, timeout_s: float) -> Value | RejectedTrack:
        """Run a task in the process; what the function raised is raised here."""
        self._hand_over(task)
        if not self._answers(timeout_s):
            self.end()
            return RejectedTrack(Reason.DECODER_TIMEOUT, f"stopped after {timeout_s:g} s")
        try:
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            return RejectedTrack(Reason.DECODER_CRASHED, _cause_of_death(self.end(grace_s=_DYING_S)))
        if isinstance(answer, Failure):
            raise answer.error
        result: Value | RejectedTrack = answer
        return result

    def end(self, *, grace_s: float = 0) -> int:
        """Kill the process unless it ends by itself, and return its exit code."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        with self._starting:
            process.join(grace_s)
            process.kill()  # a process that was stopped or hangs in C code obeys nothing else
            process.join()
        self._pipe.close()
        self._lifeline.close()
        return int(process.exitcode)

    def _hand_over(self, task: Task) -> None:
        if self._process is not None:
            try:
                return self._pipe.send(task)
            except ConnectionError:  # it died while it had nothing to do, for which this task is not to blame
                self.end()
        self._start()
        return self._pipe.send(task)

    def _start(self) -> None:
        for _ in range(_TRIES):
            cause = self._launch()
            if cause is None:
                return
            self.end()
        raise _not_started(f"{cause}, in each of {_TRIES} tries")

    def _launch(self) -> str | None:
        """Start a process and wait until it is ready; return what prevented that."""
        limit_s = _START_S + (_PREPARE_S if isinstance(self._function, Prepared) else 0)
        try:
            with self._starting:
                self._fork(limit_s)
        except (EOFError, ConnectionError):
            _kill_forkserver()
            return f"the process that forks workers ended, or did not answer within {limit_s:g} s"
        except (OSError, RuntimeError) as error:
            return f"the system refused it ({error})"
        if not self._answers(limit_s):
            return None if self._stopped.poll() else f"the worker was not ready after {limit_s:g} s"
        try:
            cause: str | None = self._pipe.recv()
        except (EOFError, ConnectionError):
            return _cause_of_death(self.end(grace_s=_DYING_S))
        return cause

    def _fork(self, limit_s: float) -> None:
        with ExitStack() as own, ExitStack() as given:
            pipe, far_pipe = self._context.Pipe()
            own.enter_context(pipe)
            given.enter_context(far_pipe)
            far_lifeline, lifeline = self._context.Pipe(duplex=False)
            own.enter_context(lifeline)
            given.enter_context(far_lifeline)
            packed = pickle.dumps(self._function)  # which the worker loads when it can report what goes wrong
            process: Any = self._context.Process(target=serve, args=(packed, far_pipe, far_lifeline), daemon=True)
            _require_descriptors(_DESCRIPTORS)
            with _forking_within(limit_s, preparation(self._function)):
                process.start()
            _kill_when_closed(far_lifeline, process.pid)
            self._process, self._pipe, self._lifeline = process, pipe, lifeline
            own.pop_all()

    def _answers(self, timeout_s: float | None) -> bool:
        return self._pipe in wait([self._pipe, self._stopped], timeout_s)


def worker_context(function: Callable[[Task], Value]) -> ForkServerContext:
    """Choose how workers start: never by forking this process, whose locks may be held by threads that are not copied.

    A server that is forked instead imports what the function needs and prepares it, once for all workers.
    """
    multiprocessing.set_forkserver_preload([fork_server.__name__, _bare(function).__module__])
    _ensure_forkserver(preparation(function))  # here, since it ends with the thread that starts it
    return multiprocessing.get_context("forkserver")


def _ensure_forkserver(prepare: Callable[[], object]) -> None:
    with _environment(_ENVIRONMENT | fork_server.environment(prepare)):
        forkserver.ensure_running()


def _bare(function: Callable[[Task], Value]) -> Callable[..., Value]:
    if isinstance(function, Prepared):
        return _bare(function.function)
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


@contextmanager
def refusals() -> Iterator[None]:
    """Describe what the system refuses to a pool that starts: descriptors, processes, threads."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        raise _not_started(f"the system refused what they need ({error})") from error


def _not_started(cause: str) -> WorkerError:
    return WorkerError(
        f"worker processes: expected to start them, found that {cause}: look at the limits of this shell (`ulimit -a`) "
        "and at the free memory, then run again; what was finished is kept"
    )


def _require_descriptors(number: int) -> None:
    """Raise OSError now if so few are free: the server ends with a traceback when its client runs out of them."""
    with ExitStack() as opened:
        for _ in range(number):
            opened.callback(os.close, os.open(os.devnull, os.O_RDONLY))


@contextmanager
def _forking_within(seconds: float, prepare: Callable[[], object]) -> Iterator[None]:
    """Kill the server that forks workers unless it answers in time; its client then reads the end of a pipe."""
    _ensure_forkserver(prepare)
    timer = threading.Timer(seconds, _kill_forkserver)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_forkserver() -> None:
    """Kill the server that forks workers, and return when it is gone."""
    pid: int | None = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if pid is not None:
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(pid, signal.SIGKILL)
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # multiprocessing reaps it, and starts another one


def _kill_when_closed(lifeline: Connection, pid: int) -> None:
    """Let the system kill a process that holds the other end of a pipe, even a stopped one, when this process ends."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)  # in place of SIGIO, which a stopped process ignores
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, pid)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, os.O_ASYNC)


def _cause_of_death(exit_code: int) -> str:
    if exit_code >= 0:
        return f"the worker left with exit status {exit_code}"
    try:
        name = signal.Signals(-exit_code).name
    except ValueError:  # a real-time signal has no name
        name = f"signal {-exit_code}"
    return f"the worker died of {name}"
