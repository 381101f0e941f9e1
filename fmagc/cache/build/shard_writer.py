"""Assemble shards from the rows that workers write, while the workers continue with the next shards."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from typing import Protocol, TypeVar

from tqdm import tqdm

from fmagc.errors import RejectedTrack
from fmagc.runtime.artifact_store import Artifact
from fmagc.runtime.dask_pool import Runner

__all__ = ["assemble"]


class RowTask(Protocol):
    """The input of a worker for one row."""

    @property
    def shard(self) -> str:
        """File name of the row's shard."""


Task = TypeVar("Task", bound=RowTask)
Value = TypeVar("Value")


def assemble(
    write_row: Callable[[Task], Value],
    tasks: Iterable[Task],
    *,
    keep: Callable[[str, list[tuple[Task, Value | RejectedTrack]]], Artifact],
    run: Runner,
    timeout_s: float,
    n_tracks: int,
    title: str,
) -> dict[str, Artifact]:
    """Write the rows of some shards in worker processes, and finish each shard.

    Parameters
    ----------
    write_row : callable
        Runs in a worker, for at most `timeout_s`.
    tasks : iterable
        Shard by shard.
    keep : callable
        Takes the name of a shard and all its tasks with their outcomes. It runs in a thread, for one shard at a
        time, so that the workers do not wait for tasks while a shard is moved and digested.
    run : Runner
        Where the workers are.
    timeout_s : float, s
    n_tracks : int
        Of all tasks, for the progress bar.
    title : str
        For the progress bar.

    Returns
    -------
    dict of str to Artifact
        By name of the shard.
    """
    artifacts: dict[str, Future[Artifact]] = {}
    with (
        closing(run(write_row, tasks, timeout_s=timeout_s)) as running,
        tqdm(running, total=n_tracks, unit="track", desc=title) as outcomes,
        ThreadPoolExecutor(1) as finishing,
    ):
        for name, group in groupby(outcomes, key=lambda outcome: outcome.task.shard):
            rows = [(outcome.task, outcome.result) for outcome in group]
            for earlier in list(artifacts.values())[-1:]:
                earlier.result()  # where it failed, nothing more is begun
            artifacts[name] = finishing.submit(keep, name, rows)
        return {name: artifact.result() for name, artifact in artifacts.items()}
