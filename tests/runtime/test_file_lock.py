"""The lock of a folder: one process holds it, and nothing else is written through its name."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fmagc.errors import DataError
from fmagc.runtime.file_lock import acquire


def test_the_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    lock = acquire(path, place=tmp_path)
    with pytest.raises(DataError, match=f"process {os.getpid()} is already at this stage"):
        acquire(path, place=tmp_path)
    os.close(lock)
    os.close(acquire(path, place=tmp_path))


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_link_is_refused_and_what_it_leads_to_stays(tmp_path: Path, link: Callable[[Path, Path], None]) -> None:
    precious = tmp_path / "precious"
    precious.write_text("content")
    link(tmp_path / ".lock", precious)
    with pytest.raises(DataError, match=r"\.lock: expected a lock file, found a link or no regular file: remove it"):
        acquire(tmp_path / ".lock", place=tmp_path)
    assert precious.read_text() == "content"


def test_a_link_to_nowhere_makes_no_file(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="expected a lock file"):
        acquire(tmp_path / ".lock", place=tmp_path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_fifo_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".lock")
    with pytest.raises(DataError, match="expected a lock file"):
        acquire(tmp_path / ".lock", place=tmp_path)


def test_a_full_disk_is_named_by_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        acquire(tmp_path / ".lock", place=tmp_path)
    assert caught.value.filename == str(tmp_path / ".lock")
