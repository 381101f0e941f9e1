"""A small dataset of one's own."""

from pathlib import Path

import pytest

from tests.support.own_music import GTZAN, NAME, put


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(*GTZAN)(tmp_path / NAME)
    return tmp_path / NAME
