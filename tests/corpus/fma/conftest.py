"""A server with one file, and no waits between tries."""

from collections.abc import Iterator

import pytest

from fmagc.corpus.fma import download as downloads
from tests.support.file_site import DATA, NAME
from tests.support.fma_site import Site, serving


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Record the waits between tries, and do not wait."""
    waited: list[float] = []
    monkeypatch.setattr(downloads, "sleep", waited.append)
    return waited


@pytest.fixture
def site(waits: list[float]) -> Iterator[Site]:
    with serving() as running:
        running.files[NAME] = DATA
        yield running
