"""The stand-in for FMA-small, by which `tests.bench.scale` measures: its files are whole, and each is another."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from fmagc.audio.mpeg_frames import scan
from fmagc.corpus.data_home import scan_files
from fmagc.corpus.selection import select_tracks
from fmagc.errors import DataError, Reason, RejectedTrack
from tests.bench import standin
from tests.bench.splice import Clip, Kind, encode_clip, splice
from tests.bench.standin import DELAY, KINDS, NAME, Listed, read_list, thinned, write_standin
from tests.support.audio_files import decode_bytes
from tests.support.dag import ROOT

COLUMNS = ["track_id", "genre_top", "set_split", "artist_id", "artist_name", "title", "sample_rate", "duration_s"]
COLUMNS += ["known_bad"]
pytestmark = pytest.mark.slow

LISTS = [folder / "shared/fma/fma_small_tracks.tsv" for folder in ROOT.parents]  # beside the project, if anywhere


def listed(tmp_path: Path, *rows: tuple[object, ...]) -> list[Listed]:
    path = tmp_path / "list.tsv"
    pd.DataFrame(rows, columns=COLUMNS).to_csv(path, sep="\t", index=False)
    return read_list(path)


def track(n_samples: int, *, sr: int = 44100, track_id: int = 7, **other: object) -> tuple[object, ...]:
    """A row of the list."""
    row = dict.fromkeys(COLUMNS, "") | {"track_id": track_id, "genre_top": "Rock", "set_split": "training"}
    row |= {"artist_id": 1, "artist_name": "A", "title": '"B" \t C', "sample_rate": sr, "known_bad": 0}
    return tuple((row | {"duration_s": n_samples / sr} | other).values())


@pytest.fixture(scope="module")
def clips() -> dict[Kind, list[Clip]]:
    music = standin.catalogue()
    return {
        kind: [encode_clip(kind, music[7 * number + place]) for number in range(2)] for place, kind in enumerate(KINDS)
    }


@pytest.mark.parametrize("info", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_spliced_file_is_whole(kind: Kind, info: bool, clips: dict[Kind, list[Clip]], tmp_path: Path) -> None:
    data = splice(clips[kind], n_frames=1148, info=info, seed=1)
    found = scan(data)
    assert found is not None
    assert (found.sample_rate, found.channels) == (kind.sr, kind.channels)
    assert (found.frames, found.samples_per_frame) == (1148, kind.samples_per_frame)
    assert (found.skipped_bytes, found.declared_frames) == (0, 1148 if info else None)
    decoded = decode_bytes(data, tmp_path, sample_rate=kind.sr, max_seconds=40.0)
    assert len(decoded.samples) == found.samples - (DELAY if info else 0)
    assert decoded.detail == ""  # a decoder would complain of data that a frame misses
    assert not {"resynced", "warned", "silent"} & set(decoded.flags)


@pytest.mark.parametrize(
    ("n_samples", "sr"), [(1_321_967, 44100), (1_323_648, 44100), (1_439_471, 48000), (661_295, 22050)]
)
def test_a_file_decodes_to_its_listed_length(
    n_samples: int, sr: int, clips: dict[Kind, list[Clip]], tmp_path: Path
) -> None:
    (row,) = listed(tmp_path, track(n_samples, sr=sr))
    decoded = decode_bytes(row.encode(clips), tmp_path, sample_rate=sr, max_seconds=40.0)
    assert (decoded.sample_rate, len(decoded.samples)) == (sr, n_samples)


def test_a_corpus_is_what_the_list_says_and_no_two_files_are_alike(
    clips: dict[Kind, list[Clip]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(standin, "_clips", lambda: clips)
    short = {"known_bad": 1, "set_split": "", "artist_id": "", "artist_name": ""}
    sets = ["training"] * 4 + ["test"] * 2
    rows = [
        track(
            1148 * 1152 - 529,
            track_id=10 * number + place,
            genre_top=genre,
            set_split=split,
            artist_id=10 * number + place,
        )
        for number, genre in enumerate(["Folk", "Rock"], 1)
        for place, split in enumerate(sets)
    ]
    rows += [track(20 * 1152 - 529, track_id=95, **short)]
    rows += [track(0, track_id=n, **short | {"duration_s": "", "sample_rate": ""}) for n in (97, 98)]
    tracks = listed(tmp_path, *rows)
    write_standin(tmp_path / "corpus", tracks)
    found = scan_files(tmp_path / "corpus", NAME)
    files = {path: entry for path, entry in found["files"].items() if path.startswith(NAME)}
    assert found["missing"] == []
    assert len({entry["sha1"] for entry in files.values()}) == len(files) == len(rows)
    assert all(entry["sha1"] == entry["listed_sha1"] for entry in files.values())
    (tmp_path / "corpus").rename(tmp_path / NAME)
    selection = select_tracks(tmp_path, found, subset="small")
    table, chosen = selection.files, selection.tracks
    assert table["sha1"].all()
    assert dict(zip(chosen["track_id"], chosen["genre"], strict=True)) == {row[0]: row[1] for row in rows}
    sound = chosen[chosen["track_id"] < 90]
    assert sound["artist_id"].tolist() == sound["track_id"].tolist()
    assert set(sound.loc[sound["split"] == "validation", "track_id"]) == {10, 11, 12, 13, 20, 21, 22, 23}
    for row, reason in zip(tracks[-3:], [Reason.TOO_SHORT, Reason.NO_AUDIO, Reason.NO_AUDIO], strict=True):
        with pytest.raises(RejectedTrack) as rejected:
            decode_bytes(row.encode(clips), tmp_path)
        assert rejected.value.reason == reason


def test_no_room_is_told_before_a_file_is_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    with pytest.raises(DataError, match=r"1 stand-ins need up to \S+ [MG]B, 1\.0 MB are free"):
        write_standin(tmp_path, listed(tmp_path, track(1_321_967)))
    assert not list(tmp_path.rglob("*.mp3"))


def test_the_true_list_has_the_sets_of_fma_small() -> None:
    path = next((path for path in LISTS if path.exists()), None)
    if path is None:
        pytest.skip("needs the list of FMA-small's tracks")
    tracks = read_list(path)
    assert [sum(track.act.split == name for track in tracks) for name in ("training", "validation", "test")] == [
        6400,
        800,
        800,
    ]
    assert all(track.act.split == "training" for track in tracks if track.bad)
    few = thinned(tracks, 500)
    assert len({track.track_id for track in few}) == 500
    assert sum(track.bad for track in few) == 6
