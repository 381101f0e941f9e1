"""The part of a file and its record: nothing is written through a link, and nothing is trusted that was changed."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fmagc.runtime.files import write_record
from tests.support.file_site import DATA, NAME, OTHER, fetch, starts
from tests.support.fma_site import Reply, Site, sha1_of

RECORD = {"validator": f'"{sha1_of(DATA)}"', "bytes": len(DATA)}


@pytest.fixture
def precious(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that belongs to somebody else."""
    path = tmp_path_factory.mktemp("elsewhere") / "precious"
    path.write_bytes(DATA[:1000])
    return path


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("recorded", [True, False])
def test_a_link_at_the_name_of_the_part_is_not_followed(
    site: Site, tmp_path: Path, precious: Path, link: Callable[[Path, Path], None], recorded: bool
) -> None:
    link(tmp_path / f"{NAME}.part", precious)
    if recorded:
        write_record(tmp_path / f"{NAME}.part.json", RECORD)
    fetch(site, tmp_path)
    assert precious.read_bytes() == DATA[:1000]
    assert starts(site) == [0]


@pytest.mark.parametrize("suffix", ["part", "part.json"])
def test_a_link_to_nowhere_makes_no_file(site: Site, tmp_path: Path, precious: Path, suffix: str) -> None:
    target = precious.with_name("nowhere")
    (tmp_path / f"{NAME}.{suffix}").symlink_to(target)
    site.will(NAME, Reply(cut=1_000_000))
    fetch(site, tmp_path)
    assert not target.exists()


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_links_at_the_names_of_the_record_are_not_followed(
    site: Site, tmp_path: Path, precious: Path, link: Callable[[Path, Path], None]
) -> None:
    link(tmp_path / f"{NAME}.part.json", precious)
    link(tmp_path / f".{NAME}.part.json.part", precious)
    site.will(NAME, Reply(cut=1_000_000))
    fetch(site, tmp_path)
    assert precious.read_bytes() == DATA[:1000]
    assert starts(site) == [0, 1_000_000]


def test_a_fifo_at_the_name_of_the_part_is_replaced(site: Site, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"{NAME}.part")
    write_record(tmp_path / f"{NAME}.part.json", RECORD)
    fetch(site, tmp_path)


def test_a_part_with_a_record_goes_on(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(DATA[:1000])
    write_record(tmp_path / f"{NAME}.part.json", RECORD)
    fetch(site, tmp_path)
    assert starts(site) == [1000]


def test_a_record_that_was_changed_counts_for_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(OTHER[:1000])
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps(RECORD))
    fetch(site, tmp_path)
    assert starts(site) == [0]


def test_a_part_that_is_longer_than_the_file_is_begun_anew(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(DATA + b"more")
    write_record(tmp_path / f"{NAME}.part.json", RECORD)
    fetch(site, tmp_path)
    assert starts(site) == [len(DATA) + 4, 0]
