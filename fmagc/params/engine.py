"""Where the cache is made: a setting that changes no byte of it, so that no stage depends on it."""

from fmagc.params.base import Block

__all__ = ["Engine"]


class Engine(Block):
    """Where the stages decode and mel do their work."""

    scheduler: str | None  # address of a running Dask scheduler, such as tcp://head:8786; null: this machine
