"""Fixtures that several tests share: the mini corpus, and the whole line run on it once."""

from pathlib import Path

import pytest

from tests.mini import write_mini
from tests.project import Project, copy_project


@pytest.fixture(scope="session")
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds fma_mini/ and fma_metadata/; tests that change it copy it first."""
    root = tmp_path_factory.mktemp("shelf")
    write_mini(root)
    return root


@pytest.fixture(scope="session")
def line(tmp_path_factory: pytest.TempPathFactory, mini_root: Path) -> Project:
    """A copy of the project, rebuilt from the mini corpus in a repository of its own; tests leave it as it was."""
    project = copy_project(tmp_path_factory.mktemp("line"), mini_root)
    project.dvc("repro")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "mini corpus")
    return project
