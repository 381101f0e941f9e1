"""Making the waveform cache: what a second run makes again, and when the dataset root is taken to be wrong."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest
import soundfile

from fmagc.audio.ffmpeg import ffmpeg_program
from fmagc.audio.libmpg123 import Library, libmpg123
from fmagc.cache.build import waveforms
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.ledger import read_ledger
from fmagc.errors import DataError, SettingsError
from fmagc.params.signal import Clip
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import file_sha1
from tests.support.audio_files import SETTINGS, mp3, music
from tests.support.decoders import needs_libmpg123

SAMPLES = 2**16
CLIP = Clip(samples=2**15)


@pytest.fixture
def index(tmp_path: Path) -> pd.DataFrame:
    """Four sound tracks in two shards, and the index that names them."""
    rows = []
    for number, track_id in enumerate((2, 5, 1003, 1009)):
        path = tmp_path / f"raw/{track_id:06d}.mp3"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mp3(music(SAMPLES + 100 * number)))
        rows.append({"track_id": track_id, "path": path.name, "sha1": file_sha1(path), "listed_sha1": ""})
    return pd.DataFrame(rows)


def made(tmp_path: Path, index: pd.DataFrame, **limits: float | str) -> dict[str, object]:
    audio = SETTINGS.model_copy(update={"ids_per_shard": 1000, "max_reject_fraction": 0.6} | limits)
    with ArtifactStore("decode", root=tmp_path / "store") as store:
        return make_waves(index, raw=tmp_path / "raw", audio=audio, clip=CLIP, store=store, out=tmp_path / "waves")


def test_a_second_run_makes_nothing_again(tmp_path: Path, index: pd.DataFrame) -> None:
    first = made(tmp_path, index)
    assert (first["accepted"], first["shards_made"], first["shards_reused"]) == (4, 2, 0)
    before = (tmp_path / "waves/manifest.json").read_bytes()
    second = made(tmp_path, index, max_reject_fraction=0.7, timeout_s=50.0)
    assert (second["shards_made"], second["shards_reused"]) == (0, 2)
    assert (tmp_path / "waves/manifest.json").read_bytes() == before


def test_a_file_that_comes_back_is_decoded(tmp_path: Path, index: pd.DataFrame) -> None:
    path = tmp_path / "raw/000005.mp3"
    path.rename(tmp_path / "away")
    assert made(tmp_path, index)["rejected"] == {"missing_file": 1}
    (tmp_path / "away").rename(path)
    second = made(tmp_path, index)
    assert (second["rejected"], second["shards_made"], second["shards_reused"]) == ({}, 1, 1)


def test_one_more_file_makes_one_shard_again(tmp_path: Path, index: pd.DataFrame) -> None:
    made(tmp_path, index.iloc[:3])
    again = made(tmp_path, index)
    assert (again["shards_made"], again["shards_reused"]) == (1, 1)


def test_a_shard_of_rejected_tracks_stays_in_the_ledger(tmp_path: Path, index: pd.DataFrame) -> None:
    for name in ("001003.mp3", "001009.mp3"):
        (tmp_path / "raw" / name).write_bytes(b"<html>")
    index["sha1"] = [file_sha1(tmp_path / "raw" / path) for path in index["path"]]
    made(tmp_path, index)
    ledger = read_ledger(tmp_path / "waves", requested=index["track_id"].tolist())
    assert ledger["reason"].tolist() == ["", "", "not_mp3", "not_mp3"]
    assert [path.name for path in (tmp_path / "waves").glob("*.h5")] == ["000.h5"]


@pytest.mark.parametrize(("fallback", "rejected"), [("ffmpeg", {}), ("none", {"not_audio": 2})])
def test_the_fallback_decodes_what_libsndfile_does_not_know(
    tmp_path: Path, index: pd.DataFrame, fallback: str, rejected: dict[str, int]
) -> None:
    for row, suffix in ((0, "m4a"), (3, "wv")):
        source = tmp_path / "raw" / index.at[row, "path"]
        target = source.with_suffix(f".{suffix}")
        subprocess.run([ffmpeg_program().path, "-v", "error", "-i", source, target], check=True)
        index.loc[row, ["path", "sha1"]] = [target.name, file_sha1(target)]
    assert made(tmp_path, index, fallback=fallback)["rejected"] == rejected
    ledger = read_ledger(tmp_path / "waves", requested=index["track_id"].tolist())
    by_ffmpeg = ledger["decoder"].str.startswith("ffmpeg ")
    assert by_ffmpeg.tolist() == [not rejected, False, False, not rejected]
    assert (ledger["flags"].str.contains("fallback") == by_ffmpeg).all()


@needs_libmpg123
def test_the_ledger_and_the_shards_know_the_decoder(
    tmp_path: Path, index: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    flac = tmp_path / "raw/000002.flac"
    soundfile.write(flac, music(SAMPLES), 44100)
    index.loc[0, ["path", "sha1"]] = [flac.name, file_sha1(flac)]
    assert made(tmp_path, index)["shards_made"] == 2
    assert made(tmp_path, index, decoder="mpg123")["shards_made"] == 2
    ledger = read_ledger(tmp_path / "waves", requested=index["track_id"].tolist())
    assert ledger["decoder"].str.split().str[0].tolist() == ["soundfile", "mpg123", "mpg123", "mpg123"]
    manifest = (tmp_path / "waves/manifest.json").read_text(encoding="utf-8")
    assert f'"libmpg123": "{libmpg123().version}"' in manifest
    assert made(tmp_path, index, decoder="mpg123")["shards_made"] == 0
    another = Library(libmpg123().calls, "mpg123 0.0")
    monkeypatch.setattr(waveforms, "libmpg123", lambda: another)
    assert made(tmp_path, index, decoder="mpg123")["shards_made"] == 2


def test_a_missing_decoder_ends_the_run_before_a_track_is_decoded(
    tmp_path: Path, index: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fmagc.audio.libmpg123._candidates", lambda: iter([]))
    monkeypatch.setattr(waveforms, "libmpg123", libmpg123.__wrapped__)
    with pytest.raises(SettingsError, match=r"audio\.decoder: .*apt-get install libmpg123-0"):
        made(tmp_path, index, decoder="mpg123")
    assert not (tmp_path / "waves").exists()
    assert list((tmp_path / "store").rglob("*.h5*")) == []


def test_a_wrong_root_stops_the_run_and_publishes_nothing(tmp_path: Path, index: pd.DataFrame) -> None:
    for path in (tmp_path / "raw").iterdir():
        path.unlink()
    with pytest.raises(
        DataError, match=r"found 4: {'missing_file': 4}, the first of them\n  track 2 \(000002.mp3\): missing_file"
    ):
        made(tmp_path, index, max_reject_fraction=1.0)
    assert not (tmp_path / "waves").exists()
