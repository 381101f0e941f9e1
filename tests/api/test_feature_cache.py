"""The cache is a table and a mapping of tracks; what is missing or damaged is named with the command that makes it."""

from pathlib import Path

import numpy as np
import pytest

import fmagc
from fmagc.corpus.index import read_split
from fmagc.runtime.tables import write_csv
from tests.support.data_folder import GENRES, IDS, MEL, REJECTED, SR, write_data


def test_the_cache_is_a_table_and_a_mapping(cache: fmagc.FeatureCache) -> None:
    assert list(cache) == list(IDS) == cache.tracks.index.tolist()
    assert cache.tracks.columns.tolist() == ["genre", "artist", "title", "seconds", "flags", "set_official", "path"]
    assert cache.genres == list(GENRES)
    assert cache.rejected.loc[REJECTED].to_dict() == {
        "reason": "too_short", "detail": "9 samples", "genre": "Rock", "artist": "Artist 99", "title": "Song 99",
        "set_official": "train", "path": "99.mp3",
    }  # fmt: skip
    assert cache.split("official").loc[REJECTED, "set"] == "train"
    assert REJECTED not in cache
    with pytest.raises(KeyError, match="track 99 was rejected: too_short: 9 samples"):
        _ = cache[REJECTED]
    track = cache[IDS[0]]
    assert (track.path, track.genre, track.artist) == ("2.mp3", "Folk", "Artist 2")
    assert track.sets == {"official": "train"}
    assert "9 tracks of 2 genres" in repr(cache)


def test_protocols_may_leave_out_tracks_and_genres_and_be_called_as_a_column(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_data(data)
    folder = data / "index/splits"
    split = read_split("official", folder=folder)
    (folder / "official.csv").unlink()
    for protocol, genre in (("artist", "Music"), ("random", "Ballad")):
        own = split.assign(genres=split["genre"].map(lambda cell, also=genre: ";".join(sorted([cell, also]))))
        left_out = IDS[0] if protocol == "artist" else IDS[1]
        write_csv(folder / f"{protocol}.csv", own.drop(columns="genre")[own["track_id"] != left_out])
    cache = fmagc.open_cache(data)
    assert cache.genres == ["Ballad", "Folk", "Music", "Rock"]
    assert "protocols: artist, random" in repr(cache)
    only_random, only_artist, both = (cache[track_id] for track_id in IDS[:3])
    assert (only_random.genre, only_random.artist, set(only_random.sets)) == ("Ballad; Folk", "Artist 2", {"random"})
    assert (only_artist.genre, set(only_artist.sets)) == ("Music; Rock", {"artist"})
    assert (both.genre, set(both.sets)) == ("Ballad; Folk; Music", {"artist", "random"})
    assert cache.tracks.loc[IDS[0], ["set_artist", "set_random"]].tolist() == ["", both.sets["random"]]


def test_a_track_s_spectrogram_is_that_of_its_waveform(cache: fmagc.FeatureCache) -> None:
    for track in cache.values():
        y, sr = track.waveform()
        S_db = track.log_mel()
        assert (y.dtype, sr, len(y) / sr) == (np.float32, SR, track.seconds)
        assert S_db.shape == (len(y) // MEL.hop_length, MEL.n_mels)
        np.testing.assert_allclose(fmagc.log_mel(y, sr=sr), S_db, atol=0.04)  # float16 in dB


def test_a_damaged_row_is_found_when_it_is_read(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    cache = fmagc.open_cache(tmp_path / "data")
    row = cache.reader("waveform")[IDS[1]]
    with (tmp_path / "data/waves/000.h5").open("r+b") as file:
        file.seek(row.offset + 100)
        file.write(b"\x55\x55")
    cache[IDS[0]].waveform()
    with pytest.raises(fmagc.DataError, match=r"000\.h5: expected digest .* run `dvc checkout --force`"):
        cache[IDS[1]].waveform()
    with pytest.raises(fmagc.DataError, match="other bytes in row 1"):
        fmagc.ClipDataset(cache, views=("waveform",))


@pytest.mark.parametrize("there", [True, False])
def test_no_cache_names_the_commands(tmp_path: Path, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "data"
    with pytest.raises(
        fmagc.DataError, match=rf"{folder}: expected the folder data .* `dvc repro` .* `fmagc use FOLDER`"
    ):
        fmagc.open_cache(folder)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("index/splits/official.csv", "index/splits: expected a table for each protocol of the run, found none: run"),
        ("mels/manifest.json", r"mels/manifest\.json: expected a file of the stage mel, found none: run `dvc repro`"),
        ("stats/official.json", r"official\.json: expected a file of the stage stats@official, found none: run `dvc"),
    ],
)
def test_a_part_that_is_missing_is_named_with_the_command(tmp_path: Path, missing: str, message: str) -> None:
    write_data(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(fmagc.DataError, match=message):
        fmagc.ClipDataset(fmagc.open_cache(tmp_path))


def test_tables_of_a_cache_without_a_split_name_the_command(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "index/splits/official.csv").unlink()
    cache = fmagc.open_cache(tmp_path)
    with pytest.raises(fmagc.DataError, match="expected a table for each protocol of the run, found none"):
        _ = cache.tracks
