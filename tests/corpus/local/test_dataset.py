"""Datasets of your own: folders or a table become tracks with ids; every usual mistake is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from fmagc.cache.build.waveforms import shard_of
from fmagc.corpus.data_home import scan_files
from fmagc.corpus.local.dataset import check_protocols
from fmagc.corpus.local.file_names import hashed_ids
from fmagc.corpus.selection import select_tracks, split_table
from fmagc.corpus.splits import audit
from fmagc.errors import DataError

NAME = "mine"
GTZAN = [f"{genre}/{genre}.{number:05d}.wav" for genre in ("blues", "rock") for number in range(4)]
SETS = ("train", "val", "test", "dev")
Change = Callable[[Path], object]


def put(*paths: str) -> Change:
    """Write files that hold their own path: nobody decodes them here."""

    def write(root: Path) -> None:
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path, encoding="utf-8")

    return write


def table(*lines: str, header: str = "path,genre,artist") -> Change:
    return lambda root: (root / "tracks.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put(*GTZAN)(tmp_path / NAME)
    return tmp_path / NAME


def selected(
    root: Path, *, layout: str = "folders", genres: list[int | str] | int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return select_tracks(root.parent, scan_files(root, NAME, layout=layout), subset="small", genres=genres)


def test_gtzan_works_as_it_is(root: Path) -> None:
    files, tracks, left_out = selected(root)
    assert sorted(files["path"]) == [f"{NAME}/{path}" for path in GTZAN]
    assert files["track_id"].tolist() == tracks["track_id"].tolist() == sorted(tracks["track_id"])
    assert dict(zip(tracks["title"], tracks["genre"], strict=True)) == {path: path.split("/")[0] for path in GTZAN}
    assert left_out.empty
    split = split_table(tracks, "random", seed=0)
    assert audit(split, files.set_index("track_id")["sha1"])["artists_unknown"] == len(GTZAN)
    assert split.groupby("genre")["set"].nunique().tolist() == [3, 3]  # 10 % of eight tracks could not hold two genres


def test_a_new_file_leaves_ids_and_shards_of_others_alone(root: Path) -> None:
    before = selected(root)[0].set_index("path")["track_id"]
    put("blues/Aa.mp3")(root)
    after = selected(root)[0].set_index("path")["track_id"]
    assert len(after) == len(before) + 1
    assert after[before.index].tolist() == before.tolist()
    ids = hashed_ids(f"{number}.mp3" for number in range(9000))
    assert all(len(str(track_id)) == 9 for track_id in ids.values())
    sizes = pd.Series([shard_of(track_id, ids_per_shard=1000) for track_id in ids.values()]).value_counts()
    assert len(sizes) == 90
    assert sizes.between(60, 145).all()


def test_ids_that_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"a\0000": 100000005, "b\0000": 100000005, "b\0001": 100000005, "b\0002": 100000007}
    monkeypatch.setattr("fmagc.corpus.local.file_names._number", numbers.__getitem__)
    assert hashed_ids(["B", "a"]) == {"a": 100000005, "B": 100000007}


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


def test_what_is_passed_over_is_counted(root: Path) -> None:
    put("rock/cover.jpg", "rock/._x.mp3", ".DS_Store", "rock/notes", "__MACOSX/rock/._x.mp3", "rock/a.JPG")(root)
    (root / "rock/up").symlink_to(root)
    manifest = scan_files(root, NAME, layout="folders")
    assert manifest["ignored"] == {".jpg": 2, "hidden": 3, "without suffix": 1}
    assert list(manifest["files"]) == GTZAN


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (put("loose.mp3"), "expected every file of music in a genre's folder, found 'loose.mp3' beside the folders"),
        (put("pop/readme.txt"), r"expected music \(.mp3, .wav, .*\) in every genre's folder, found none in 'pop'"),
        (put("Rock/a.mp3"), "expected names that differ in more than case, found 'Rock' and 'rock'"),
        (put("rock/A.mp3", "rock/a.mp3"), "found 'rock/A.mp3' and 'rock/a.mp3'"),
        (put("rock/Abba/1.mp3", "blues/ABBA/2.mp3"), "found 'ABBA' and 'Abba'"),
        (put("rock/Caf\u00e9/1.mp3", "rock/Cafe\u0301/2.mp3"), "differ in more than case"),
        (put("rock/two\nlines.mp3"), r"in UTF-8 without control characters, found b'two\\nlines.mp3' in '.*rock'"),
        (lambda root: Path(os.fsdecode(bytes(root / "rock") + b"/\xe9.mp3")).touch(), r"found b'\\xe9.mp3' in"),
    ],
    ids=["loose", "empty", "genre", "file", "artist", "composed", "newline", "latin-1"],
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


def test_a_table_names_genres_artists_and_sets(root: Path) -> None:
    rows = [f"./{path}, {path.split('/')[0]} ,B{n % 4},{SETS[n % 4]},x" for n, path in enumerate(GTZAN)]
    table(*rows, header="path,genre,artist,split,mood")(root)
    files, tracks, _ = selected(root, layout="table")
    assert sorted(files["path"]) == [f"{NAME}/{path}" for path in GTZAN]
    assert sorted(set(tracks["split"])) == ["test", "training", "validation"]
    assert tracks["artist_id"].nunique() == 4
    check_protocols(tracks, ["official", "random", "artist"], where=NAME)
    split = split_table(tracks, "official", seed=0)
    assert split["set"].value_counts().to_dict() == {"train": 2, "val": 4, "test": 2}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (table("a.wav,1", header="file,genre"), r"expected the columns path too, found \['file', 'genre'\]: is it"),
        (table("gone.wav,rock,"), "expected a file that is there, found 'gone.wav' in line 2"),
        (table("Rock/ROCK.00001.wav,rock,"), r"'Rock/ROCK.00001.wav' \(there is rock/rock.00001.wav\) in line 2"),
        (table(r"rock\rock.00001.wav,rock,"), r"\(with / in place of \\ it is\) in line 2"),
        (table("../mine/rock/rock.00001.wav,rock,"), "stays below it, found '../mine/rock/rock.00001.wav' in line 2"),
        (table("/etc/x.wav,rock,"), "stays below it, found '/etc/x.wav' in line 2"),
        (table(f"{GTZAN[0]},blues,", f"./{GTZAN[0]},blues,"), f"once, whatever the case, found {GTZAN[0]} in line 2, "),
        (table(f"{GTZAN[0]},,"), "column genre: expected a name, found '' "),
        (table(f"{GTZAN[0]},Blues,", f"{GTZAN[1]},blues,"), "found 'Blues' and 'blues'"),
        (table("tracks.csv,rock,"), r"expected music \(.mp3"),
        (table(f"{GTZAN[0]},rock,tset", header="path,genre,split"), "column split: expected one of training, .*'tset'"),
        (table(f"{GTZAN[0]},rock"), "expected 3 cells a row, found 2 in line 2"),
        (table(), "expected a row for each track, found none"),
    ],
)
def test_tables_that_are_wrong(root: Path, change: Change, fault: str) -> None:
    change(root)
    with pytest.raises(DataError, match=rf"tracks.csv: \d faults?\n(.|\n)*{fault}"):
        scan_files(root, NAME, layout="table")


def test_every_missing_file_of_a_table_is_named(root: Path) -> None:
    table("rock/x.wav,rock,", f"{GTZAN[0]},blues,", "rock/y.wav,rock,")(root)
    with pytest.raises(DataError, match=r"found 2: 'rock/x.wav' in line 2, 'rock/y.wav' in line 4"):
        scan_files(root, NAME, layout="table")


def test_a_table_changed_since_fetch_and_no_table_at_all(root: Path) -> None:
    with pytest.raises(DataError, match=r"expected tracks.csv in dataset.root with the columns path and genre"):
        scan_files(root, NAME, layout="table")
    table(f"{GTZAN[0]},blues,", f"{GTZAN[4]},rock,")(root)
    manifest = scan_files(root, NAME, layout="table")
    table(f"{GTZAN[0]},blues,", f"{GTZAN[5]},rock,")(root)
    with pytest.raises(DataError, match="expected the file that fetch saw"):
        select_tracks(root.parent, manifest, subset="small")


@pytest.mark.parametrize(
    ("protocol", "change", "fault"),
    [
        ("official", None, "protocol official: expected a column split .* set run.protocols and compare.protocol to"),
        ("artist", None, "protocol artist: expected artists, found none: name them"),
        (
            "artist",
            put("rock/A/1.mp3", "pop/A/1.mp3", "pop/A/2.mp3", "pop/B/1.mp3"),
            "3 artists .* found pop has 2: add",
        ),
        ("random", put("pop/1.mp3", "ska/1.mp3", "ska/2.mp3"), "3 tracks .* found pop has 1, ska has 2: add tracks"),
    ],
)
def test_protocols_that_a_dataset_does_not_allow(root: Path, protocol: str, change: Change | None, fault: str) -> None:
    if change:
        change(root)
    with pytest.raises(DataError, match=f"^mine, {fault}" if fault[0] == "p" else f"^mine, protocol .*{fault}"):
        check_protocols(selected(root)[1], [protocol], where=NAME)


def test_some_genres_of_a_dataset_are_chosen_by_name(root: Path) -> None:
    put("pop/1.mp3")(root)
    _, tracks, left_out = selected(root, genres=["rock", "blues"])
    assert sorted(set(tracks["genre"])) == ["blues", "rock"]
    assert left_out[["path", "reason"]].values.tolist() == [["mine/pop/1.mp3", "no chosen genre"]]
    for choice, fault in ((["rock", "jazz", 5], "blues, pop, rock, found 'jazz', 5"), (1, "found the level 1")):
        with pytest.raises(DataError, match=fault):
            selected(root, genres=choice)
    with pytest.raises(DataError, match="expected two genres or more, found rock"):
        check_protocols(tracks[tracks["genre"] == "rock"], ["random"], where=NAME)
