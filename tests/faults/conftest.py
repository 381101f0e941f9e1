"""The project that faults are put into."""

from pathlib import Path

import pytest

from fmagc.console import run
from stages import index
from tests.faults.shelf import Project, make_project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Project:
    """A sound project, already indexed: a stage that refuses must leave the older outputs alone, too."""
    made = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert run(index.main) == 0, capsys.readouterr().err
    return made
