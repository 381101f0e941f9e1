"""WAV, FLAC, Ogg and others are decoded as MP3 is, and names oblige only MP3."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.errors import Reason
from tests.support.audio_files import CLIP, container, decode_bytes, rejection

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
