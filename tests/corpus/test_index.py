"""From FMA's tables and files to an index, its splits and their audit; every offence is named."""

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from fmagc.corpus import data_home
from fmagc.corpus.data_home import prepare_dataset, scan_files
from fmagc.corpus.index import read_genre_table, read_index, read_names, read_split, write_index
from fmagc.corpus.selection import name_table, select_tracks, split_table
from fmagc.demo.write import write_demo
from fmagc.errors import DataError
from fmagc.params.corpus import Dataset
from fmagc.runtime.tables import write_csv
from fmagc.tasks.task import labels_of
from tests.support.mini_corpus import NAME, mini_tracks

Rows = list[list[str]]


@pytest.fixture
def raw(tmp_path: Path, mini_root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of dataset roots, one of them with a copy of the mini corpus."""
    monkeypatch.setattr(data_home, "RAW", tmp_path / "raw")
    shutil.copytree(mini_root, tmp_path / "disk")
    prepare_dataset(Dataset(name=NAME, root=str(tmp_path / "disk")))
    return tmp_path / "raw"


def edit(raw: Path, change: Callable[[Rows], object]) -> Path:
    """Rewrite tracks.csv; rows 0 to 2 are its header."""
    path = raw / NAME / "fma_metadata/tracks.csv"
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    change(rows)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def column(rows: Rows, group: str, name: str) -> int:
    return next(place for place, pair in enumerate(zip(rows[0], rows[1], strict=True)) if pair == (group, name))


def put(group: str, name: str, value: str, *, row: int = 5) -> Callable[[Rows], None]:
    def change(rows: Rows) -> None:
        rows[row][column(rows, group, name)] = value

    return change


def selected(raw: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    chosen = select_tracks(raw, scan_files(raw / NAME, NAME), subset="small")
    return chosen.files, chosen.tracks


def test_index_names_every_track_with_its_file(raw: Path) -> None:
    files, tracks = selected(raw)
    assert files["track_id"].tolist() == tracks["track_id"].tolist() == [track.track_id for track in mini_tracks()]
    assert all((raw / path).is_file() for path in files["path"])
    assert (files["sha1"] == files["listed_sha1"]).all()
    split = split_table(tracks, "official", seed=0)
    assert list(labels_of(split).genres) == sorted({track.act.rules.title for track in mini_tracks()})
    expected = {"training": "train", "validation": "val", "test": "test"}
    assert split["set"].tolist() == [expected[track.act.split] for track in mini_tracks()]


def test_names_keep_their_text_on_one_line(raw: Path) -> None:
    edit(raw, put("track", "title", ' Sea, "live"\r\n <b>\u6625 | None</b>\r', row=3))
    edit(raw, put("artist", "name", "NA", row=3))
    edit(raw, put("artist", "name", "", row=4))
    names = name_table(selected(raw)[1])
    write_csv(raw / "names.csv", names)
    read = read_names(raw / "names.csv")
    pd.testing.assert_frame_equal(read, names, check_dtype=False)
    first, second = mini_tracks()[:2]
    assert read.loc[0].tolist() == [first.track_id, "NA", 'Sea, "live" <b>\u6625 | None</b>']
    assert read.loc[1].tolist() == [second.track_id, "", second.title]


def test_the_index_is_read_as_it_was_written(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = select_tracks(raw, scan_files(raw / NAME, NAME), subset="small")
    split = split_table(chosen.tracks, "official", seed=0)
    genres = chosen.tree.table(labels_of(split).genres)
    names = name_table(chosen.tracks)
    write_index(chosen.files, names, {"official": split}, genres=genres, left_out=chosen.left_out)
    for read, written in (
        (read_index(), chosen.files),
        (read_names(), names),
        (read_split("official"), split),
        (read_genre_table(), genres),
    ):
        pd.testing.assert_frame_equal(read, written, check_dtype=False)
    assert (genres["parent"] == "").all()
    assert genres["is_leaf"].all()


def test_a_missing_file_stays_in_the_index_without_a_checksum(raw: Path) -> None:
    victim = mini_tracks()[3].track_id
    next((raw / NAME).rglob(f"{victim:06d}.mp3")).unlink()
    manifest = scan_files(raw / NAME, NAME)
    assert [Path(path).stem for path in manifest["missing"]] == [f"{victim:06d}"]
    files = select_tracks(raw, manifest, subset="small").files
    assert files.set_index("track_id").loc[victim, "sha1"] == ""
    assert len(files) == len(mini_tracks())


def test_a_changed_file_shows_in_the_manifest_beside_what_the_list_says(raw: Path) -> None:
    path = next((raw / NAME).rglob("*.mp3"))
    path.write_bytes(path.read_bytes() + b"x")
    entry = scan_files(raw / NAME, NAME)["files"][path.relative_to(raw / NAME).as_posix()]
    assert entry["sha1"] != entry["listed_sha1"]


def test_a_subset_without_tracks_is_refused(raw: Path) -> None:
    edit(raw, lambda rows: [put("set", "subset", "large", row=row)(rows) for row in range(3, len(rows))])
    with pytest.raises(DataError, match="expected tracks of the subset small with a genre, found none: set"):
        selected(raw)


def test_tracks_without_a_genre_are_left_out_of_the_subsets_that_have_them(raw: Path) -> None:
    def change(rows: Rows) -> None:
        put("track", "genre_top", "")(rows)
        put("set", "subset", "large")(rows)

    edit(raw, change)
    chosen = select_tracks(raw, scan_files(raw / NAME, NAME), subset="large")
    assert len(chosen.files) == len(chosen.tracks) == len(mini_tracks()) - 1
    assert chosen.left_out["track_id"].tolist() == [mini_tracks()[2].track_id]
    assert chosen.left_out["reason"].tolist() == ["no root genre"]


def test_with_several_labels_a_track_without_a_root_genre_is_as_good_as_any(raw: Path) -> None:
    ids = {track.act.rules.title: track.act.rules.genre_id for track in mini_tracks()}
    rock, folk = ids["Rock"], ids["Folk"]
    with (raw / NAME / "fma_metadata/genres.csv").open("a", encoding="utf-8") as file:
        file.write(f"999,0,{rock},Punk,{rock}\n")

    def change(rows: Rows) -> None:
        for group, name, value in (
            ("track", "genre_top", ""),
            ("set", "subset", "large"),
            ("track", "genres", f"[{rock}, {folk}]"),
            ("track", "genres_all", f"[{folk}, {rock}]"),
        ):
            put(group, name, value)(rows)
        put("track", "genres", "[]", row=6)(rows)
        put("track", "genres_all", "[]", row=6)(rows)

    edit(raw, change)
    chosen = select_tracks(raw, scan_files(raw / NAME, NAME), subset="large", labels="multi")
    assert chosen.tracks.set_index("track_id").loc[mini_tracks()[2].track_id, "genres"] == "Folk;Rock"
    assert "genre" not in chosen.tracks
    assert chosen.left_out[["track_id", "reason"]].values.tolist() == [[mini_tracks()[3].track_id, "no genre"]]
    with pytest.raises(DataError, match=r"every genre of index.genres in the subset large, found none of Punk: take"):
        select_tracks(raw, scan_files(raw / NAME, NAME), subset="large", labels="multi", genres=["Rock", "Punk"])


def test_tables_changed_since_fetch_are_refused(raw: Path) -> None:
    manifest = scan_files(raw / NAME, NAME)
    edit(raw, put("track", "title", "Another"))
    with pytest.raises(DataError, match=r"expected the file that fetch saw .*dvc repro -f fetch"):
        select_tracks(raw, manifest, subset="small")


def test_a_genre_that_could_not_be_judged_is_refused(raw: Path) -> None:
    _, tracks = selected(raw)
    lacking = tracks[(tracks["genre"] != "Rock") | (tracks["split"] != "test")]
    with pytest.raises(DataError, match="expected tracks of every genre in every set, found Rock has none in test"):
        split_table(lacking, "official", seed=0)


@pytest.mark.parametrize(
    ("dataset", "fault"),
    [
        (Dataset(name="fma_none", root=None), "expected FMA's layout, found no fma_none, no fma_metadata/tracks.csv"),
        (
            Dataset(name="fma_none", root="does/not/exist"),
            "dataset.root in params.yaml: expected a folder, found none at .*: correct it",
        ),
    ],
)
def test_a_shelf_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: Dataset, fault: str
) -> None:
    monkeypatch.setattr(data_home, "RAW", tmp_path / "raw")
    with pytest.raises(DataError, match=fault):
        prepare_dataset(dataset)


def test_another_root_moves_the_link_and_never_a_folder(raw: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").rename(tmp_path / "elsewhere")
    dataset = Dataset(name=NAME, root=str(tmp_path / "elsewhere"))
    assert prepare_dataset(dataset).resolve() == tmp_path / "elsewhere"
    (raw / NAME).unlink()
    (raw / NAME).mkdir()
    with pytest.raises(DataError, match=r"expected a link to dataset.root, found a folder"):
        prepare_dataset(dataset)


def test_the_demo_never_touches_files_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_home, "RAW", tmp_path / "raw")
    own = tmp_path / "raw/fma_demo/fma_demo/000/000002.mp3"
    own.parent.mkdir(parents=True)
    own.write_bytes(b"music")
    with pytest.raises(DataError, match="found MP3s of your own: move them away"):
        write_demo(prepare_dataset(Dataset(name="fma_demo", root=None)))
    assert own.read_bytes() == b"music"
    (tmp_path / "raw/fma_demo").rename(tmp_path / "music")
    (tmp_path / "raw/fma_demo").symlink_to(tmp_path / "music")
    for root in (None, str(tmp_path / "music")):
        with pytest.raises(DataError, match="expected the demo's own folder, found a link"):
            prepare_dataset(Dataset(name="fma_demo", root=root))


def test_a_corpus_may_lie_behind_links_even_in_a_circle(raw: Path, tmp_path: Path) -> None:
    before = scan_files(raw / NAME, NAME)["files"]
    folder = next(path for path in (raw / NAME / NAME).resolve().iterdir() if path.is_dir())
    folder.rename(tmp_path / "other_disk")
    folder.symlink_to(tmp_path / "other_disk")
    (tmp_path / "other_disk" / "up").symlink_to(folder.parent)
    assert scan_files(raw / NAME, NAME)["files"] == before


def test_the_files_of_an_untidy_folder_are_listed_all_the_same(raw: Path) -> None:
    path = next((raw / NAME / NAME).rglob("*.mp3"))
    path.unlink()
    path.mkdir()
    (raw / NAME / NAME / "checksums").open("ab").write(b"abc.mp3\n\xff  caf\xe9.mp3\n")
    manifest = scan_files(raw / NAME, NAME)
    assert manifest["files"][path.relative_to(raw / NAME).as_posix()]["sha1"] == ""
    assert len(manifest["files"]) == len(mini_tracks()) + 2


def test_one_genre_alone_is_refused(raw: Path) -> None:
    _, tracks = selected(raw)
    with pytest.raises(DataError, match="expected two genres or more, found Rock"):
        split_table(tracks[tracks["genre"] == "Rock"], "official", seed=0)
