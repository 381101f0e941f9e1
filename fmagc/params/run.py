"""Settings of the run: what is trained, compared and repeated."""

from typing import Annotated, Literal

from pydantic import Field

from fmagc.params.base import Block

__all__ = ["Engine", "Run"]

Seed = Annotated[int, Field(ge=0, lt=2**63)]  # as torch takes it
TrainShare = Annotated[float, Field(gt=0, lt=1)]  # the whole set is always trained on


class Run(Block):
    """The lists over which the stages are multiplied."""

    protocols: Annotated[list[Literal["official", "random", "artist"]], Field(min_length=1)]
    models: Annotated[list[str], Field(min_length=1)]
    seeds: Annotated[list[Seed], Field(min_length=1)]
    baselines: list[str]
    encoders: list[str]  # frozen ones that the user brings; each is one more baseline
    train_shares: list[TrainShare]  # of the training set, on which all models and baselines are trained once more
    threads: Annotated[int, Field(gt=0)]  # of the networks' arithmetic: part of what decides the bytes
    launcher: Annotated[str, Field(min_length=1)]  # runs train, evaluate and share: python, or torchrun with options


class Engine(Block):
    """The machines on which decode and mel run; they change no byte, so no stage depends on them."""

    scheduler: str | None  # address of a running Dask scheduler, such as tcp://head:8786; null: this machine
