"""Fixtures that several tests share: the mini corpus, and the whole pipeline run on it once."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mini_corpus import write_mini
from tests.support.project import Project, copy_project


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, in one process, the tests of a file, and all those that need the pipeline: it runs once."""
    for item in items:
        needs_pipeline = "pipeline" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("pipeline" if needs_pipeline else item.location[0]))


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Listen to SIGINT also where the caller has it ignored, as a shell does for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def mini_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds fma_mini/ and fma_metadata/; tests that change it copy it first."""
    root = tmp_path_factory.mktemp("corpus")
    write_mini(root)
    return root


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory, mini_root: Path) -> Project:
    """A copy of the project, rebuilt from the mini corpus in a repository of its own; tests leave it as it was."""
    project = copy_project(tmp_path_factory.mktemp("pipeline"), mini_root)
    project.dvc("repro")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "mini corpus")
    return project
