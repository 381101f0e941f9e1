"""Run several tasks in a separate process on a worker of the cluster: `python -m` this module, in the project folder.

A worker of a cluster may not start processes of its own, works in another folder, and may have loaded another version
of this code. This process has none of these limits: it isolates each task as this machine would.
"""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from fmagc.runtime.worker_pool import TaskResult, map_isolated

__all__ = ["run_bundle"]


def run_bundle(
    function: Callable[[Any], Any], tasks: Sequence[Any], *, timeout_s: float, folder: Path
) -> list[TaskResult[Any, Any]]:
    """Run tasks one after the other, each as `worker_pool.map_isolated` does, in a process that ends with this one.

    Parameters
    ----------
    function, tasks, timeout_s
        As `worker_pool.map_isolated` takes them; relative paths start from `folder`.
    folder : Path
        Of the project, whose code runs.

    Raises
    ------
    Exception
        What the function raised.
    RuntimeError
        When the process died.
    """
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        orders, answer = process.stdin, process.stdout
        assert orders is not None  # noqa: S101
        assert answer is not None  # noqa: S101
        pickle.dump((function, list(tasks), timeout_s), orders)
        orders.flush()  # and stays open: when it ends, the process knows that nobody waits any more
        try:
            outcome = pickle.load(answer)  # noqa: S301 - from the process just started
        except EOFError:
            raise RuntimeError(f"{' '.join(command)}: left with status {process.wait()} without an answer") from None
    if isinstance(outcome, Exception):
        raise outcome
    outcomes: list[TaskResult[Any, Any]] = outcome
    return outcomes


def _leave_with(orders: IO[bytes]) -> None:
    """Exit when the caller ends; the isolated workers end with this process."""
    orders.read()
    os._exit(1)


def main() -> None:
    """Run the tasks of standard input; only their outcome reaches standard output."""
    answer = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    function, tasks, timeout_s = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    threading.Thread(target=_leave_with, args=[sys.stdin.buffer], daemon=True).start()
    try:
        outcome: Any = list(map_isolated(function, tasks, timeout_s=timeout_s, workers=1))
    except Exception as error:
        outcome = error
    pickle.dump(outcome, answer)
    answer.close()
    os._exit(0)  # the thread still waits


if __name__ == "__main__":
    main()
