"""One file is accepted or rejected, in every way that there is."""

import hashlib
import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import fmagc.audio.decode as module
from fmagc.audio.decode import FLAGS, LOSS_ALLOWED, decode, truncation
from fmagc.audio.mpeg_frames import MpegAudio, scan
from fmagc.audio.quantise import most_samples
from fmagc.audio.raw_audio import RawAudio
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import CLIP, SETTINGS, decode_bytes, id3, mp3, music, without_header_frame
from tests.support.dag import ROOT

# Frames of AAC in ADTS, 371 bytes each; their payload holds what looks like headers of MPEG layer I
AAC = (b"\xff\xf1\x50\x80\x2e\x7f\xfc" + 2 * (b"\xff\xff\x10\x00" + bytes(28)) + bytes(300)) * 60
ROOM = np.empty(most_samples(SETTINGS), dtype=np.int16)


@pytest.fixture(scope="module")
def song() -> bytes:
    return mp3(music(CLIP))


def rejection(data: bytes, folder: Path, **changes: object) -> RejectedTrack:
    with pytest.raises(RejectedTrack) as caught:
        decode_bytes(data, folder, **changes)
    return caught.value


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


def test_missing_and_irregular_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.mp3")
    (tmp_path / "folder.mp3").mkdir()
    (tmp_path / "loop.mp3").symlink_to("loop.mp3")
    expected = {
        "gone.mp3": Reason.MISSING_FILE,
        "folder.mp3/deeper.mp3": Reason.MISSING_FILE,
        "fifo.mp3": Reason.NOT_REGULAR_FILE,
        "folder.mp3": Reason.NOT_REGULAR_FILE,
        "loop.mp3": Reason.NOT_REGULAR_FILE,
    }
    for name, reason in expected.items():
        with pytest.raises(RejectedTrack) as caught:
            decode(tmp_path / name, expected_sha1="", listed_sha1="", settings=SETTINGS, min_samples=1, out=ROOM)
        assert caught.value.reason == reason, name


def test_odd_names_are_decoded(song: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "müzik 音楽 🎵\nnew line"
    folder.mkdir()
    assert len(decode_bytes(song, folder).samples) == CLIP


def test_checksums_come_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "track.mp3"
    path.write_bytes(b"not even audio")
    right = hashlib.sha1(b"not even audio", usedforsecurity=False).hexdigest()
    for expected, listed, culprit in (("0" * 40, right, "manifest"), (right, "0" * 40, "archive")):
        with pytest.raises(RejectedTrack) as caught:
            decode(path, expected_sha1=expected, listed_sha1=listed, settings=SETTINGS, min_samples=1, out=ROOM)
        assert caught.value.reason == Reason.CHECKSUM_MISMATCH
        assert culprit in caught.value.detail
        assert right in caught.value.detail
    with pytest.raises(RejectedTrack) as caught:
        decode(path, expected_sha1=right, listed_sha1=right.upper(), settings=SETTINGS, min_samples=1, out=ROOM)
    assert caught.value.reason == Reason.NOT_MP3


def container(name: str, *, n_samples: int = 44100, subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    sr = 48000 if subtype == "OPUS" else 44100
    soundfile.write(buffer, music(n_samples, sr=sr), sr, format=name, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "reason", "detail"),
    [
        (b"", Reason.NOT_MP3, "empty"),
        (b"<html>404</html>" * 99, Reason.NOT_MP3, "3c 68 74 6d 6c"),
        (b"\xff" * 9999, Reason.NOT_MP3, "ff ff ff"),
        (bytes(9999), Reason.NOT_MP3, "00 00 00"),
        (container("WAV"), Reason.NOT_MP3, "52 49 46 46"),
        (container("OGG"), Reason.NOT_MP3, "4f 67 67 53"),
        (container("FLAC"), Reason.NOT_MP3, "66 4c 61 43"),
        (container("WAV") + without_header_frame(mp3(music(9999))), Reason.NOT_MP3, "52 49 46 46"),
        ((b"\xff\xfd\xa0\x00" + bytes(622)) * 50, Reason.NOT_MP3, "layer 2"),
        ((b"\xff\xfb\x00\x44" + bytes(700)) * 50, Reason.DECODE_ERROR, "free format"),
        (AAC, Reason.NOT_MP3, "ff f1 50 80"),
        (b"\0\0\0\x20ftypM4A " + without_header_frame(mp3(music(9999))), Reason.NOT_MP3, "66 74 79 70"),
        (id3(1600), Reason.NO_AUDIO, "1610 bytes"),
    ],
)
def test_content_not_suffix_decides(data: bytes, reason: Reason, detail: str, tmp_path: Path) -> None:
    refused = rejection(data, tmp_path)
    assert refused.reason == reason
    assert detail in refused.detail


def test_header_frame_alone_is_no_audio(song: bytes, tmp_path: Path) -> None:
    header = song[: len(song) - len(without_header_frame(song))]
    assert rejection(id3(500) + header, tmp_path).reason == Reason.NO_AUDIO


@pytest.mark.parametrize("kept", [12_000, 0.5, 0.97])
def test_truncated_with_its_header_intact(song: bytes, kept: float, tmp_path: Path) -> None:
    n_bytes = int(kept if kept > 1 else kept * len(song))
    cut = rejection(song[:n_bytes], tmp_path, min_samples=1)
    assert cut.reason == Reason.TRUNCATED
    assert "declares" in cut.detail


def test_vbr_without_a_header_is_decoded_to_its_end(tmp_path: Path) -> None:
    data = without_header_frame(mp3(music(CLIP), mode="VARIABLE"))
    audio = scan(data)
    assert audio is not None
    assert len(soundfile.read(io.BytesIO(data))[0]) < 0.9 * audio.samples  # what the decoder guesses by itself
    decoded = decode_bytes(data, tmp_path)
    assert (len(decoded.samples), decoded.flags) == (audio.samples, ())


def test_cbr_without_a_header_is_whole(song: bytes, tmp_path: Path) -> None:
    assert len(decode_bytes(without_header_frame(song), tmp_path).samples) >= CLIP


@pytest.mark.parametrize(("sr", "channels"), [(22050, 2), (44100, 1)])
def test_a_change_on_the_way_is_rejected_for_what_it_is(song: bytes, sr: int, channels: int, tmp_path: Path) -> None:
    other = mp3(music(sr, sr=sr, channels=channels), sr=sr)
    refused = rejection(without_header_frame(song) + other, tmp_path)
    assert refused.reason == Reason.DECODE_ERROR
    assert "its sample rate, MPEG version or channels change" in refused.detail


def test_two_songs_in_one_file_are_decoded_both(song: bytes, tmp_path: Path) -> None:
    decoded = decode_bytes(song + song, tmp_path)
    assert decoded.flags == ("length_corrected",)
    assert decoded.file_s == pytest.approx(2 * CLIP / 44100, abs=3 * 1152 / 44100)


def witness(*, frames: int, declared: int | None) -> MpegAudio:
    return MpegAudio(
        layer=3,
        sample_rate=44100,
        channels=2,
        frames=frames,
        samples=frames * 1152,
        samples_per_frame=1152,
        header_frame=declared is not None,
        declared_frames=declared,
        skipped_bytes=0,
        start=0,
        end=400 * frames,
        mixed=False,
        blocks_differ=lambda: False,
    )


@pytest.mark.parametrize(("frames", "declared"), [(1000, None), (1000, 10), (10, 1000)])
def test_truncation_boundary(frames: int, declared: int | None) -> None:
    audio = witness(frames=frames, declared=declared)
    assert truncation(audio, n_decoded=1000 * 1152 - LOSS_ALLOWED) is None
    assert truncation(audio, n_decoded=1000 * 1152 - LOSS_ALLOWED - 1) is not None
    assert truncation(audio, n_decoded=2000 * 1152) is None


def test_hole_is_rejected_and_says_what_the_decoder_said(
    song: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    damaged = bytearray(song)
    damaged[50_000:90_000] = bytes(40_000)
    refused = rejection(bytes(damaged), tmp_path)
    assert refused.reason in (Reason.DECODE_ERROR, Reason.TRUNCATED)
    assert "resync" in refused.detail
    assert "\n" not in refused.detail
    assert capfd.readouterr().err == ""


def test_warnings_of_an_accepted_track_are_kept(song: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    damaged = bytearray(song)
    frame = bytes(damaged).index(song[len(song) - len(without_header_frame(song)) :][:4], 60_000)
    damaged[frame + 4 : frame + 36] = b"\xff" * 32  # side information that no encoder writes
    decoded = decode_bytes(bytes(damaged), tmp_path)
    assert "warned" in decoded.flags
    assert "libmpg123" in decoded.detail
    os.write(2, b"back in place")
    assert capfd.readouterr().err == "back in place"


def test_non_finite_samples(song: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = module.read_samples

    def poisoned(*arguments: Any, **settings: Any) -> RawAudio:
        raw = real(*arguments, **settings)
        raw.excerpts[0][5:7] = np.nan, np.inf
        return raw

    monkeypatch.setattr(module, "read_samples", poisoned)
    refused = rejection(song, tmp_path)
    assert refused.reason == Reason.NON_FINITE
    assert "2 of" in refused.detail


OTHERS = [
    ("WAV", "PCM_16"),
    ("WAV", "PCM_24"),
    ("WAV", "FLOAT"),
    ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"),
    ("AU", "PCM_16"),
    ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
]


@pytest.mark.parametrize(("name", "subtype"), OTHERS)
def test_other_formats_give_the_same_middle_or_say_what_is_missing(name: str, subtype: str, tmp_path: Path) -> None:
    data = container(name, n_samples=3 * 44100, subtype=subtype)
    suffix = f".{name.lower()}"
    y, sr = soundfile.read(io.BytesIO(data), dtype="float32")
    decoded = decode_bytes(data, tmp_path, suffix=suffix, min_samples=1000, max_seconds=1.5, sample_rate=sr)
    keep = round(1.5 * sr)
    middle = y.mean(axis=1)[(len(y) - keep) // 2 :][:keep]
    assert len(decoded.samples) == keep
    assert np.abs(decoded.scale * decoded.samples - middle).max() < 0.51 * decoded.scale
    cut = rejection(data[: len(data) * 6 // 10], tmp_path, suffix=suffix, min_samples=1)
    assert cut.reason == Reason.TRUNCATED
    assert re.search(r"declares \d+|its last page is cut", cut.detail)


def test_a_header_that_tells_no_length(tmp_path: Path) -> None:
    wav = bytearray(container("WAV"))
    wav[4:8] = wav[40:44] = b"\xff" * 4  # as programs write that pipe their sound to another one
    assert len(decode_bytes(bytes(wav), tmp_path, suffix=".wav", min_samples=1).samples) == 44100
    flac = bytearray(container("FLAC"))
    flac[21] &= 0xF0
    flac[22:26] = bytes(4)
    decoded = decode_bytes(bytes(flac), tmp_path, suffix=".flac", min_samples=1)
    assert (len(decoded.samples), decoded.flags) == (44100, ("length_corrected",))


def test_names_oblige_only_mp3(song: bytes, tmp_path: Path) -> None:
    assert len(decode_bytes(song, tmp_path, suffix=".wav").samples) == CLIP
    cut = rejection(song[: len(song) // 2], tmp_path, suffix=".wav")
    assert (cut.reason, "frames" in cut.detail) == (Reason.TRUNCATED, True)
    page = rejection(b"<html>404</html>" * 99, tmp_path, suffix=".flac")
    assert page.reason == Reason.NOT_AUDIO
    assert "3c 68 74 6d 6c" in page.detail


def test_the_page_of_promises_lists_every_reason_and_flag() -> None:
    page = (ROOT / "docs/promises.md").read_text(encoding="utf-8").split("## What the ledger says")[1].split("\n## ")[0]
    reasons, flags = (re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE) for part in page.split("| flag |"))
    assert sorted(reasons) == sorted(Reason)
    assert flags == list(FLAGS)
