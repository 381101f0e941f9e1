"""The two projects that faults are put into: tables without audio, and a little one with audio and both caches."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from fmagc.runtime.entrypoint import run_stage
from stages import index
from tests.support.metadata_project import Project, make_project
from tests.support.small_project import Small, command, write_small
from tests.support.train_run import train_with


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A sound project, already indexed: a stage that refuses must leave the older outputs alone, too."""
    made = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run_stage(index.main) == 0, capsys.readouterr().err
    return made


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Decode, mel and stats have run; tests leave it as it is."""
    return write_small(tmp_path_factory.mktemp("sound") / "little").made("decode", "mel", "stats official")


@pytest.fixture(scope="session")
def trained(sound: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Make a copy in which train has run undisturbed; tests leave it as it is."""
    root = tmp_path_factory.mktemp("trained") / "little"
    shutil.copytree(sound.root, root)
    ended = Small(root).run(*command("train"))
    assert ended.status == 0, ended
    return Small(root)


@pytest.fixture
def made(sound: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Make a copy of the sound project, and go there."""
    shutil.copytree(sound.root, tmp_path / "little")
    monkeypatch.chdir(tmp_path / "little")
    return Small(tmp_path / "little")


@pytest.fixture
def fresh(made: Small) -> Small:
    """Make a copy in which nothing was made yet."""
    for name in ("waves", "mels", "stats", ".staging"):
        shutil.rmtree(made.root / "data" / name)
    return made


@pytest.fixture
def stopped(made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Small:
    """Make a copy whose training was stopped by SIGTERM in its third epoch, and go there."""
    import torch

    status = train_with(monkeypatch, torch.optim.Adam, "step", 8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert status == 128 + signal.SIGTERM, capfd.readouterr()
    capfd.readouterr()
    return made
