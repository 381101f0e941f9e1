"""Datasets of your own: folders or a table become tracks with ids; every usual mistake is named."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from fmagc.cache.build.waveforms import shard_of
from fmagc.corpus.audit import audit
from fmagc.corpus.data_home import scan_files
from fmagc.corpus.local.file_list import FileList
from fmagc.corpus.local.file_names import hashed_ids
from fmagc.corpus.local.tracks import check_protocols
from fmagc.corpus.selection import select_tracks, split_table
from fmagc.errors import DataError
from fmagc.tasks.task import labels_of

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
    chosen = select_tracks(root.parent, scan_files(root, NAME, layout=layout), subset="small", genres=genres)
    return chosen.files, chosen.tracks, chosen.left_out


def test_gtzan_works_as_it_is(root: Path) -> None:
    files, tracks, left_out = selected(root)
    assert sorted(files["path"]) == [f"{NAME}/{path}" for path in GTZAN]
    assert files["track_id"].tolist() == tracks["track_id"].tolist() == sorted(tracks["track_id"])
    assert dict(zip(tracks["title"], tracks["genre"], strict=True)) == {path: path.split("/")[0] for path in GTZAN}
    assert left_out.empty
    split = split_table(tracks, "random", seed=0)
    assert audit(split, tracks, sha1=files.set_index("track_id")["sha1"])["artists_unknown"] == len(GTZAN)
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
        (
            table(f"{GTZAN[0]},rock,", header="path,genre,genre"),
            "expected every column once, found 'genre' in columns 2, 3",
        ),
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
    with pytest.raises(DataError, match="expected every genre once, found rock more than once"):
        selected(root, genres=["rock", "blues", "rock"])
    with pytest.raises(DataError, match="expected two genres or more, found rock"):
        check_protocols(tracks[tracks["genre"] == "rock"], ["random"], where=NAME)


def test_a_table_names_several_genres(root: Path) -> None:
    table(*(f"{path},{'Rock; Punk' if n % 2 else 'Folk;Rock;Folk'},B{n}" for n, path in enumerate(GTZAN)))(root)
    manifest = scan_files(root, NAME, layout="table")
    chosen = select_tracks(root.parent, manifest, subset="small", labels="multi")
    assert sorted(chosen.tracks["genres"]) == ["Folk;Rock"] * 4 + ["Punk;Rock"] * 4
    assert chosen.tree.table(labels_of(chosen.tracks).genres)["parent"].tolist() == ["", "", ""]
    check_protocols(chosen.tracks, ["artist", "random"], where=NAME)
    chosen = select_tracks(root.parent, manifest, subset="small", labels="multi", genres=["Folk", "Punk"])
    assert set(chosen.tracks["genres"]) == {"Folk", "Punk"}
    some = select_tracks(root.parent, manifest, subset="small", genres=["Rock; Punk", "Folk;Rock;Folk"])
    assert set(some.tracks["genre"]) == {"Rock; Punk", "Folk;Rock;Folk"}, "one genre a track: its name is the cell"


@pytest.mark.parametrize("cell", ["Rock;;Punk", ";;", "Rock;", "; Rock", ";"])
def test_genres_without_a_name_are_refused_where_there_are_several(root: Path, cell: str) -> None:
    table(f"{GTZAN[0]},{cell},", f"{GTZAN[1]},Folk,", f"{GTZAN[2]},folk;Pop,")(root)
    with pytest.raises(DataError) as caught:
        select_tracks(root.parent, scan_files(root, NAME, layout="table"), subset="small", labels="multi")
    assert "tracks.csv: 2 faults\n" in str(caught.value)
    assert f"genre: expected names, with one ; between two, found '{cell}' ('{GTZAN[0]}')" in str(caught.value)
    assert "genre: expected names that differ in more than case, found 'Folk' and 'folk'" in str(caught.value)


def test_several_genres_in_a_cell_are_pointed_to_the_setting_that_reads_them(root: Path) -> None:
    table(*(f"{path},{'Rock' if n else 'Folk;Rock'},B{n}" for n, path in enumerate(GTZAN)))(root)
    with pytest.raises(DataError, match=r"found Folk;Rock has 1: .*; where ; separates .* set index.labels to multi$"):
        check_protocols(selected(root, layout="table")[1], ["artist"], where=NAME)


def test_genres_that_min_tracks_leaves_out_need_no_track_in_each_set(root: Path) -> None:
    put("pop/1.mp3")(root)
    tracks = selected(root)[1]
    with pytest.raises(DataError, match="found pop has 1"):
        check_protocols(tracks, ["random"], where=NAME)
    check_protocols(tracks, ["random"], where=NAME, min_tracks=2)
    assert set(split_table(tracks, "random", seed=0, min_tracks=2)["genre"]) == {"blues", "rock"}


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


@pytest.mark.parametrize("choice", [[1970, 1980], ["1970", 1980], ["1970", "1980"]])
def test_genres_may_be_numbers(tmp_path: Path, choice: list[int | str]) -> None:
    root = tmp_path / NAME
    put("1970/1.wav", "1980/2.wav", "1990/3.wav")(root)
    _, tracks, left_out = selected(root, genres=choice)
    assert sorted(tracks["genre"]) == ["1970", "1980"]
    assert len(left_out) == 1


@pytest.mark.parametrize(
    "text",
    [
        f'path, genre\n{GTZAN[0]}, "Folk"\n{GTZAN[4]}, Folk\n',
        f"path,genre\r\n{GTZAN[0]},Folk\r\n{GTZAN[4]},Folk",
        f'\ufeffpath,genre\n"{GTZAN[0]}","Folk"\n\n{GTZAN[4]},Folk \n',
    ],
)
def test_tables_as_people_write_them(root: Path, text: str) -> None:
    (root / "tracks.csv").write_bytes(text.encode())
    _, tracks, _ = selected(root, layout="table")
    assert tracks["genre"].tolist() == ["Folk", "Folk"]


def test_a_locale_in_which_ids_would_differ_is_refused(root: Path) -> None:
    code = f"from fmagc.corpus.data_home import scan_files; scan_files('{root}', '{NAME}', layout='folders')"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "DataError: locale: expected UTF-8 for the names of files, found " in ended.stderr
    assert "export LC_ALL=C.UTF-8" in ended.stderr
