"""The stage train run in this process, with something that happens in the middle of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.small_project import TRAINING
from tests.support.stage_run import before_call, run_here

FOLDER = Path("data/.staging/train") / "-".join(TRAINING)


def train(monkeypatch: pytest.MonkeyPatch) -> int:
    """Train, and return the exit status."""
    with monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["stages.train", *TRAINING])
        return run_here("train")


def train_with(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, number: int, act: Callable[[], None]) -> int:
    """Train, and do something just before the n-th call of a function."""
    with monkeypatch.context() as patch:
        before_call(patch, [(owner, name)], number, act)
        return train(patch)
