"""A folder that is whole or absent."""

from pathlib import Path

import pytest

from fmagc.errors import DataError
from fmagc.runtime.files import new_folder, temp_path


@pytest.mark.parametrize("place", ["out", "deep/er/out"])
def test_a_new_folder_has_its_name_when_it_is_whole(tmp_path: Path, place: str) -> None:
    with new_folder(tmp_path / place) as folder:
        (folder / "a").write_text("whole")
        assert not (tmp_path / place).exists()
    assert [path.read_text() for path in (tmp_path / place).iterdir()] == ["whole"]
    assert [path.name for path in (tmp_path / place).parent.iterdir()] == ["out"]


def test_an_empty_folder_is_filled_and_what_a_killed_run_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    temp_path(tmp_path, "out").mkdir()
    (temp_path(tmp_path, "out") / "half").write_text("half")
    with new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("whole")
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "a"]


def test_an_error_leaves_no_folder(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "out") as folder:
            (folder / "a").write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder", "link to nothing", "link to a folder"])
def test_what_has_the_name_already_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("mine")
    elif kind == "folder":
        out.mkdir()
        (out / "mine").write_text("mine")
    else:
        out.symlink_to(tmp_path / "elsewhere")
        if kind == "link to a folder":
            (tmp_path / "elsewhere").mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="out: expected a name for a new folder, found a "), new_folder(out):
        pytest.fail("nothing is made")
    assert sorted(tmp_path.rglob("*")) == before
