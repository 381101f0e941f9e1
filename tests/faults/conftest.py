"""The two projects that faults are put into: tables without audio, and a little one with audio and both caches."""

import os
import shutil
import signal
from pathlib import Path

import pytest

from fmagc.runtime.entrypoint import run_stage
from stages import index
from tests.support.metadata_project import Project, make_project
from tests.support.once import once
from tests.support.small_project import Small, bring_encoder, command
from tests.support.train_run import train_with


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A sound project, already indexed: a stage that refuses must leave the older outputs alone, too."""
    made = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run_stage(index.main) == 0, capsys.readouterr().err
    return made


@pytest.fixture(scope="session")
def trained(sound: Small, shared_folder: Path) -> Small:
    """Make a copy in which train has run undisturbed; tests leave it as it is."""

    def train(folder: Path) -> None:
        shutil.copytree(sound.root, folder, dirs_exist_ok=True)
        ended = Small(folder).run_here(*command("train"))
        assert ended.status == 0, ended

    return Small(once(shared_folder / "trained", train))


@pytest.fixture(scope="session")
def embedded(sound: Small, shared_folder: Path) -> Small:
    """Make a copy in which embed has run an encoder undisturbed; tests leave it as it is."""

    def embed(folder: Path) -> None:
        shutil.copytree(sound.root, folder, dirs_exist_ok=True)
        ended = bring_encoder(Small(folder)).run_here(*command("embed"))
        assert ended.status == 0, ended

    return Small(once(shared_folder / "embedded", embed))


@pytest.fixture(scope="session")
def stopped_once(sound: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """Make a copy whose training was stopped by SIGTERM in its third epoch; tests leave it as it is."""
    import torch

    root = tmp_path_factory.mktemp("stopped") / "little"
    shutil.copytree(sound.root, root)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        status = train_with(patch, torch.optim.Adam, "step", 8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert status == 128 + signal.SIGTERM
    return Small(root)


@pytest.fixture
def made(sound: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Make a copy of the sound project, and go there."""
    return _copy(sound, tmp_path, monkeypatch)


@pytest.fixture
def stopped(stopped_once: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """Make a copy of the project whose training was stopped, and go there."""
    return _copy(stopped_once, tmp_path, monkeypatch)


def _copy(project: Small, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    shutil.copytree(project.root, folder / "little")
    monkeypatch.chdir(folder / "little")
    return Small(folder / "little")


@pytest.fixture
def fresh(made: Small) -> Small:
    """Make a copy in which nothing was made yet."""
    for name in ("waves", "mels", "stats", ".staging"):
        shutil.rmtree(made.root / "data" / name)
    return made
