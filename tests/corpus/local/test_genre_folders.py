"""Folders of genres become tracks; every usual mistake is named."""

import os
from pathlib import Path

import pytest

from fmagc.corpus.audit import audit
from fmagc.corpus.data_home import scan_files
from fmagc.corpus.selection import split_table
from fmagc.errors import DataError
from tests.support.own_music import GTZAN, NAME, Change, put, selected


def test_gtzan_works_as_it_is(root: Path) -> None:
    files, tracks, left_out = selected(root)
    assert sorted(files["path"]) == [f"{NAME}/{path}" for path in GTZAN]
    assert files["track_id"].tolist() == tracks["track_id"].tolist() == sorted(tracks["track_id"])
    assert dict(zip(tracks["title"], tracks["genre"], strict=True)) == {path: path.split("/")[0] for path in GTZAN}
    assert left_out.empty
    split = split_table(tracks, "random", seed=0)
    assert audit(split, tracks, sha1=files.set_index("track_id")["sha1"])["artists_unknown"] == len(GTZAN)
    assert split.groupby("genre")["set"].nunique().tolist() == [3, 3]  # 10 % of eight tracks could not hold two genres


def test_the_folder_below_a_genre_is_the_artist(root: Path) -> None:
    put("rock/The Band/one.mp3", "rock/The Band/An Album/two.flac", "blues/The Band/three.OGG")(root)
    _, tracks, _ = selected(root)
    by = tracks[tracks["artist"] == "The Band"]
    assert sorted(by["title"]) == [
        "blues/The Band/three.OGG",
        "rock/The Band/An Album/two.flac",
        "rock/The Band/one.mp3",
    ]
    assert by["artist_id"].nunique() == 1
    assert by["artist_id"].min() > 0 > tracks.loc[tracks["artist"] == "", "artist_id"].max()
    assert tracks["artist_id"].nunique() == len(GTZAN) + 1


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (put("loose.mp3"), "expected every file of music in a genre's folder, found 'loose.mp3' beside the folders"),
        (put("Rock/a.mp3"), "expected names that differ in more than case, found 'Rock' and 'rock'"),
        (put("rock/A.mp3", "rock/a.mp3"), "found 'rock/A.mp3' and 'rock/a.mp3'"),
        (put("rock/Abba/1.mp3", "blues/ABBA/2.mp3"), "found 'ABBA' and 'Abba'"),
        (put("rock/Caf\u00e9/1.mp3", "rock/Cafe\u0301/2.mp3"), "differ in more than case"),
        (put("rock/two\nlines.mp3"), r"in UTF-8 without control characters, found b'two\\nlines.mp3' in '.*rock'"),
        (lambda root: Path(os.fsdecode(bytes(root / "rock") + b"/\xe9.mp3")).touch(), r"found b'\\xe9.mp3' in"),
    ],
    ids=["loose", "genre", "file", "artist", "composed", "newline", "latin-1"],
)
def test_folders_that_are_wrong(root: Path, change: Change, fault: str) -> None:
    change(root)
    with pytest.raises(DataError, match=rf"mine: 1 fault\n.*{fault}"):
        scan_files(root, NAME, layout="folders")


def test_a_root_one_level_too_high_is_pointed_to_the_right_one(root: Path) -> None:
    with pytest.raises(DataError, match=rf"found mine in .*: set it to {root} if its folders are the genres"):
        scan_files(root.parent, NAME, layout="folders")
    with pytest.raises(DataError, match=r"found 4: 'blues\.00000\.wav' beside the folders"):
        scan_files(root / "blues", NAME, layout="folders")
