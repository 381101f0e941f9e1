"""A table names genres, artists and sets; every usual mistake in it is named."""

from pathlib import Path

import pytest

from fmagc.corpus.data_home import scan_files
from fmagc.corpus.local.tracks import check_protocols
from fmagc.corpus.selection import select_tracks, split_table
from fmagc.errors import DataError
from fmagc.tasks.task import labels_of
from tests.support.own_music import GTZAN, NAME, Change, selected, table

SETS = ("train", "val", "test", "dev")


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
        (table(f"{GTZAN[0]},,"), "column genre: expected names, found none in any row"),
        (table(f"{GTZAN[0]},a\tb,"), r"column genre: expected a name, found 'a\\tb' "),
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
    tracks = selected(root, layout="table")[1]
    for some, fault in (
        (tracks, "found Folk;Rock has 1: .*"),
        (tracks[tracks["genre"] != "Rock"], "found Folk;Rock: .*"),
    ):
        with pytest.raises(DataError, match=rf"{fault}; where ; separates .* set index.labels to multi \("):
            check_protocols(some, ["artist"], where=NAME)
    sets = ["training", "validation", "test"]
    in_all = tracks.assign(split=[sets[n % 3] for n in range(len(tracks))])
    with pytest.raises(DataError, match=r"found Folk;Rock has none in .* set index.labels to multi \("):
        split_table(in_all, "official", seed=0)


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
