"""Fixtures of the tests of `fmagc use`: a project's settings, with a repository or without, and a folder of music."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.dag import ROOT
from tests.support.settings_project import FILES, git


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings of a project, in the folder where the commands are given."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "A Person")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "person@example.org")
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("params.yaml", "dvc.yaml", "dvc.lock"):
        shutil.copyfile(ROOT / name, folder / name)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder for each genre, and in each one for every artist; no file is decoded here."""
    for path in FILES:
        (tmp_path / "My music" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "My music" / path).write_text(path, encoding="utf-8")
    return tmp_path / "My music"


@pytest.fixture
def committed(project: Path) -> Path:
    """A project whose demo was run and committed."""
    for path in ("metrics/models/official/crnn.json", "plots/curves.csv", "data/models/official/config.json"):
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text("{}", encoding="utf-8")
    (project / ".gitignore").write_text("/data\n", encoding="utf-8")
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-qm", "the demo")
    return project
