"""Run tasks on an existing Dask cluster, in bundles, each task isolated as on this machine."""

import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fmagc.errors import DataError, SettingsError, format_list
from fmagc.params.run import Engine
from fmagc.paths import STAGING
from fmagc.runtime.dask_worker import run_bundle
from fmagc.runtime.entrypoint import log
from fmagc.runtime.worker_pool import TaskResult, map_isolated

__all__ = ["Runner", "runner_of"]

Task = TypeVar("Task")
Value = TypeVar("Value")

_BUNDLE = 256  # tasks at most: some seconds of work, so that the start of a process hardly counts
_WAITING = 2  # bundles for each thread of the cluster: the next is there when one is done
_ANSWER_S = 30.0


class Runner(Protocol):
    """A function that runs another on every task, as `worker_pool.map_isolated` does."""

    def __call__(
        self, function: Callable[[Task], Value], tasks: Iterable[Task], *, timeout_s: float
    ) -> Generator[TaskResult[Task, Value], None, None]:
        """Run a function on every task; yield the outcomes in the order of the tasks."""


def runner_of(engine: Engine) -> Runner:
    """Choose where tasks run: this machine, or the cluster of a scheduler."""
    return map_isolated if engine.scheduler is None else partial(_run_on_cluster, scheduler=engine.scheduler)


def _run_on_cluster(
    function: Callable[[Task], Value], tasks: Iterable[Task], *, timeout_s: float, scheduler: str
) -> Generator[TaskResult[Task, Value], None, None]:
    """Run tasks in bundles, each in one thread of a Dask worker and there in an isolated process.

    A bundle whose worker is lost is given to another one: a task that writes must write the same bytes at the same
    place whenever it runs.
    """
    distributed = _distributed()
    with _connected(distributed, scheduler) as client:
        threads = sum(client.nthreads().values())
        log(f"engine.scheduler: {len(client.nthreads())} workers with {threads} threads at {scheduler}")
        bundles = _bundles(tasks, threads)
        submit = partial(client.submit, run_bundle, function, timeout_s=timeout_s, folder=Path.cwd(), pure=False)
        under_way = deque(submit(bundle) for bundle in islice(bundles, _WAITING * threads))
        while under_way:
            try:
                yield from under_way.popleft().result()
            except distributed.scheduler.KilledWorker as error:
                raise DataError(
                    f"{scheduler}: expected a worker to finish some tracks, found that several died of them: {error}; "
                    "look at their logs, then run `dvc repro` again: finished shards are kept"
                ) from error
            under_way.extend(submit(bundle) for bundle in islice(bundles, 1))


def _bundles(tasks: Iterable[Task], threads: int) -> Iterator[list[Task]]:
    """Cut tasks into bundles; the first ones are small, so that a small corpus keeps every thread busy."""
    rest, size = iter(tasks), 8
    while bundle := list(islice(rest, size)):
        yield bundle
        size = min(size + 8, _BUNDLE)


def _distributed() -> Any:
    try:
        import distributed
    except ImportError:
        raise SettingsError(
            "engine.scheduler: expected Dask to be installed for work on a cluster, found it missing: "
            "`pip install -c constraints.txt -e '.[cluster]'` here and on the cluster, or null for this machine"
        ) from None
    return distributed


@contextmanager
def _connected(distributed: Any, scheduler: str) -> Iterator[Any]:
    """Connect to a cluster whose workers all see this project's folder."""
    try:
        client = distributed.Client(scheduler, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise DataError(
            f"engine.scheduler: expected a Dask scheduler at {scheduler}, found none: {error}; start it, or set null "
            "for this machine"
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=_ANSWER_S)
        except TimeoutError:
            message = f"{scheduler}: expected a worker within {_ANSWER_S:.0f} s, found none: start some"
            raise DataError(message) from None
        _require_shared_folder(client)
        yield client


def _require_shared_folder(client: Any) -> None:
    """Require that every worker sees a file that was just written here."""
    seen, token = STAGING.absolute() / ".cluster-token", secrets.token_hex()
    seen.write_text(token, encoding="utf-8")
    try:
        blind = sorted(address for address, found in client.run(_text_of, seen).items() if found != token)
    finally:
        seen.unlink()
    if blind:
        raise DataError(
            f"{Path.cwd()}: expected every worker to see this folder at this path, found {format_list(blind)} that do "
            "not: put the project on storage that all machines share"
        )


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
