"""One file becomes a track: its samples, its length, its flags."""

import io
import os
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.audio.decode import FLAGS
from fmagc.audio.mpeg_frames import scan
from fmagc.errors import Reason
from tests.support.audio_files import CLIP, decode_bytes, id3, mp3, music, rejection, without_header_frame
from tests.support.dag import ROOT


def test_accepts_a_whole_song(song: bytes, tmp_path: Path) -> None:
    decoded = decode_bytes(id3(100_000) + song, tmp_path)
    y = music(CLIP).mean(axis=1)
    y_decoded = decoded.scale * decoded.samples.astype(np.float32)
    assert decoded.samples.dtype == np.int16
    assert len(decoded.samples) == CLIP
    assert np.abs(decoded.samples.astype(int)).max() == 32767
    assert decoded.peak == pytest.approx(32767 * decoded.scale)
    assert float(np.float32(decoded.scale)) == decoded.scale
    assert np.corrcoef(y_decoded[:88200], y[:88200])[0, 1] > 0.99  # before the first hiss, which MP3 makes anew
    assert y_decoded[:88200].std() == pytest.approx(0.95 * y[:88200].std(), rel=0.01)  # LAME lowers all music a little
    assert (decoded.sample_rate, decoded.channels, decoded.flags, decoded.detail) == (44100, 2, (), "")
    assert decoded.decoder == f"soundfile {soundfile.__version__}/{soundfile.__libsndfile_version__}"


def test_int16_keeps_float32_to_half_a_step(song: bytes, tmp_path: Path) -> None:
    decoded = decode_bytes(song, tmp_path)
    y = soundfile.read(io.BytesIO(song), dtype="float32")[0].mean(axis=1)
    assert np.abs(decoded.scale * decoded.samples - y).max() < 0.51 * decoded.scale


def test_length_boundary(tmp_path: Path) -> None:
    assert len(decode_bytes(mp3(music(CLIP, channels=1)), tmp_path).samples) == CLIP
    short = rejection(mp3(music(CLIP - 1, channels=1)), tmp_path)
    assert short.reason == Reason.TOO_SHORT
    assert "524287" in short.detail


@pytest.mark.parametrize(("sr", "channels"), [(48000, 2), (22050, 1)])
def test_resamples_before_the_length_test(sr: int, channels: int, tmp_path: Path) -> None:
    n = -(-CLIP * sr // 44100)
    decoded = decode_bytes(mp3(music(n, sr=sr, channels=channels), sr=sr), tmp_path)
    assert CLIP <= len(decoded.samples) <= CLIP + 2
    assert (decoded.sample_rate, decoded.channels, decoded.flags) == (sr, channels, ("resampled",))
    too_few = rejection(mp3(music(n - 10 * sr // 44100 - 10, sr=sr, channels=channels), sr=sr), tmp_path)
    assert too_few.reason == Reason.TOO_SHORT


def test_long_file_gives_its_middle_in_bounded_blocks(tmp_path: Path) -> None:
    sr = 44100
    data = mp3(music(10 * sr, channels=1))
    y = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    decoded = decode_bytes(data, tmp_path, max_seconds=1.5, min_samples=1000)  # blocks of 3 s
    middle = y[(10 * sr - 66150) // 2 :][:66150]
    assert len(decoded.samples) == 66150
    assert np.abs(decoded.scale * decoded.samples - middle).max() < 0.51 * decoded.scale


def test_silence(tmp_path: Path) -> None:
    decoded = decode_bytes(mp3(np.zeros((CLIP, 2))), tmp_path)
    assert decoded.flags == ("silent",)
    assert decoded.scale == 1
    assert not decoded.samples.any()


def test_peaks_above_one_are_kept(tmp_path: Path) -> None:
    loud = np.sign(np.sin(2 * np.pi * 300 * np.arange(CLIP) / 44100))[:, None] * 0.999
    decoded = decode_bytes(mp3(loud), tmp_path)
    assert decoded.peak > 1
    assert decoded.flags == ("above_full_scale",)
    assert decoded.scale * 32767 > 1


def test_odd_names_are_decoded(song: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "müzik 音楽 🎵\nnew line"
    folder.mkdir()
    assert len(decode_bytes(song, folder).samples) == CLIP


def test_vbr_without_a_header_is_decoded_to_its_end(tmp_path: Path) -> None:
    data = without_header_frame(mp3(music(CLIP), mode="VARIABLE"))
    audio = scan(data)
    assert audio is not None
    assert len(soundfile.read(io.BytesIO(data))[0]) < 0.9 * audio.samples  # what the decoder guesses by itself
    decoded = decode_bytes(data, tmp_path)
    assert (len(decoded.samples), decoded.flags) == (audio.samples, ())


def test_cbr_without_a_header_is_whole(song: bytes, tmp_path: Path) -> None:
    assert len(decode_bytes(without_header_frame(song), tmp_path).samples) >= CLIP


def test_two_songs_in_one_file_are_decoded_both(song: bytes, tmp_path: Path) -> None:
    decoded = decode_bytes(song + song, tmp_path)
    assert decoded.flags == ("length_corrected",)
    assert decoded.file_s == pytest.approx(2 * CLIP / 44100, abs=3 * 1152 / 44100)


def test_warnings_of_an_accepted_track_are_kept(song: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(song)
    frame = bytes(damaged).index(song[len(song) - len(without_header_frame(song)) :][:4], 60_000)
    damaged[frame + 4 : frame + 36] = b"\xff" * 32  # side information that no encoder writes
    decoded = decode_bytes(bytes(damaged), tmp_path)
    assert "warned" in decoded.flags
    assert "libmpg123" in decoded.detail
    os.write(2, b"back in place")
    assert capfd.readouterr().err == "back in place"


def test_the_page_of_promises_lists_every_reason_and_flag() -> None:
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8").split("## What the ledger says")[1].split("\n## ")[0]
    reasons, flags = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in page.split("| flag |"))
    assert sorted(reasons) == sorted(Reason)
    assert flags == list(FLAGS)
