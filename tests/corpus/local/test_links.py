"""Links, hidden folders and folders without music: each file counts once, and what is left out is named."""

from pathlib import Path

import pytest

from fmagc.corpus.data_home import scan_files
from fmagc.corpus.local.file_list import FileList
from fmagc.errors import DataError
from tests.support.own_music import GTZAN, NAME, put


def test_what_is_passed_over_is_counted(root: Path) -> None:
    put("rock/cover.jpg", "rock/._x.mp3", ".DS_Store", "rock/notes", "__MACOSX/rock/._x.mp3", "rock/a.JPG")(root)
    (root / "rock/up").symlink_to(root)
    manifest = scan_files(root, NAME, layout="folders")
    assert manifest["ignored"] == {".jpg": 2, "hidden": 3, "without suffix": 1}
    assert list(manifest["files"]) == GTZAN


def link(root: Path, path: str, target: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).symlink_to(target)


@pytest.mark.parametrize("order", [("metal", "industrial"), ("industrial", "metal")])
def test_a_folder_linked_from_a_second_genre_counts_where_it_lies(tmp_path: Path, order: tuple[str, str]) -> None:
    root = tmp_path / NAME
    for genre in order:  # some file systems list folders in the order in which they were made
        (root / genre).mkdir(parents=True)
    put("metal/own/1.wav", "metal/shared/2.wav", "industrial/own/3.wav", "industrial/4.wav")(root)
    link(root, "industrial/shared", "../metal/shared")
    link(root, "industrial/one.wav", "../metal/own/1.wav")
    manifest = scan_files(root, NAME, layout="folders")
    assert list(manifest["files"]) == [
        "industrial/4.wav",
        "industrial/own/3.wav",
        "metal/own/1.wav",
        "metal/shared/2.wav",
    ]
    assert manifest["skipped"] == {
        "industrial/one.wav": "the same as metal/own/1.wav",
        "industrial/shared": "the same as metal/shared",
    }


def test_music_that_lies_elsewhere_counts_at_the_first_link_to_it(tmp_path: Path) -> None:
    root = tmp_path / NAME
    put("library/b/1.wav", "library/2.wav")(tmp_path)
    put("metal/3.wav", "industrial/4.wav")(root)
    for genre in ("metal", "industrial"):
        link(root, f"{genre}/shared", str(tmp_path / "library/b"))
        link(root, f"{genre}/2.wav", str(tmp_path / "library/2.wav"))
    manifest = scan_files(root, NAME, layout="folders")
    assert set(manifest["files"]) == {"industrial/2.wav", "industrial/4.wav", "industrial/shared/1.wav", "metal/3.wav"}
    assert manifest["skipped"] == {
        "metal/2.wav": "the same as industrial/2.wav",
        "metal/shared": "the same as industrial/shared",
    }


def test_a_link_to_another_genre_is_no_genre_and_empties_none(root: Path) -> None:
    before = list(scan_files(root, NAME, layout="folders")["files"])
    link(root, "best", "blues")
    manifest = scan_files(root, NAME, layout="folders")
    assert list(manifest["files"]) == before
    assert manifest["skipped"] == {"best": "the same as blues"}


def test_a_folder_without_music_is_no_genre_and_is_named(root: Path) -> None:
    put("artwork/cover.jpg")(root)
    link(root, "best/rock", "../rock")
    manifest = scan_files(root, NAME, layout="folders")
    assert list(manifest["files"]) == GTZAN
    assert manifest["skipped"] == {
        "artwork": "no music in it",
        "best": "no music in it",
        "best/rock": "the same as rock",
    }


def test_one_genre_beside_folders_without_music_is_refused(tmp_path: Path) -> None:
    put("rock/1.mp3", "pop/1.ra")(tmp_path)
    with pytest.raises(
        DataError, match=r"\(.mp3, .*\), found rock; passed over: 1 .ra; not used: pop \(no music in it\)"
    ):
        scan_files(tmp_path, NAME, layout="folders")


def test_hidden_music_is_named_with_its_number_of_files(root: Path) -> None:
    put(".NET/1.wav", ".NET/Band/2.mp3", "rock/...And Then/1.wav", "rock/.5.wav", "rock/._x.mp3", ".git/config")(root)
    manifest = scan_files(root, NAME, layout="folders")
    assert manifest["ignored"] == {"hidden": 2}
    assert manifest["skipped"] == {
        ".NET": "hidden, 2 files of music: rename it",
        "rock/...And Then": "hidden, 1 file of music: rename it",
        "rock/.5.wav": "hidden, 1 file of music: rename it",
    }
    described = FileList([], manifest["ignored"], manifest["skipped"]).describe()
    assert described[0] == "passed over: 2 hidden"
    assert described[1].startswith("not used: .NET (hidden, 2 files of music: rename it), rock/...And Then (")
