"""Files that are no track: each is rejected with its reason before or while it is decoded."""

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fmagc.audio.decode as module
from fmagc.audio.decode import LOSS_ALLOWED, decode, truncation
from fmagc.audio.mpeg_frames import MpegAudio
from fmagc.audio.quantise import most_samples
from fmagc.audio.raw_audio import RawAudio
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import (
    SETTINGS,
    container,
    id3,
    mp3,
    music,
    rejection,
    without_header_frame,
)

# Frames of AAC in ADTS, 371 bytes each; their payload holds what looks like headers of MPEG layer I
AAC = (b"\xff\xf1\x50\x80\x2e\x7f\xfc" + 2 * (b"\xff\xff\x10\x00" + bytes(28)) + bytes(300)) * 60
ROOM = np.empty(most_samples(SETTINGS), dtype=np.int16)


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


@pytest.mark.parametrize(("sr", "channels"), [(22050, 2), (44100, 1)])
def test_a_change_on_the_way_is_rejected_for_what_it_is(song: bytes, sr: int, channels: int, tmp_path: Path) -> None:
    other = mp3(music(sr, sr=sr, channels=channels), sr=sr)
    refused = rejection(without_header_frame(song) + other, tmp_path)
    assert refused.reason == Reason.DECODE_ERROR
    assert "its sample rate, MPEG version or channels change" in refused.detail


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
