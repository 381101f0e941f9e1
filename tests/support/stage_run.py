"""A stage run in this process, with something that happens in the middle of it."""

from collections.abc import Callable, Sequence
from importlib import import_module

import pytest

from fmagc.runtime.entrypoint import run_stage


def run_here(stage: str) -> int:
    """Run a stage in this process, and return its exit status."""
    return run_stage(import_module(f"stages.{stage}").main)


def before_call(
    monkeypatch: pytest.MonkeyPatch, functions: Sequence[tuple[object, str]], number: int, act: Callable[[], None]
) -> None:
    """Do something just before the n-th call of one of some functions, each given by its owner and its name."""
    calls = iter(range(1, 1000))
    for owner, name in functions:
        call = getattr(owner, name)

        def late(*positional: object, call: Callable[..., object] = call, **named: object) -> object:
            if next(calls) == number:
                act()
            return call(*positional, **named)

        monkeypatch.setattr(owner, name, late)
