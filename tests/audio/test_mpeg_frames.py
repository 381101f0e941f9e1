"""Frames counted by hand-made headers and by what LAME says of its own files."""

from dataclasses import replace

import numpy as np
import pytest

from fmagc.audio.mpeg_frames import scan
from fmagc.audio.tags import end_of_leading_tags, only_tags
from tests.support.audio_files import id3, mp3, music, without_header_frame


@pytest.fixture(scope="module")
def song() -> bytes:
    return mp3(music(44100))


@pytest.mark.parametrize("sr", [48000, 44100, 32000, 24000, 16000, 12000, 8000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_counts_what_lame_declares(sr: int, channels: int, mode: str) -> None:
    audio = scan(mp3(music(2 * sr, sr=sr, channels=channels), sr=sr, mode=mode))
    assert audio is not None
    assert (audio.layer, audio.sample_rate, audio.channels) == (3, sr, channels)
    assert audio.header_frame
    assert audio.frames == audio.declared_frames
    assert audio.samples == audio.frames * (1152 if sr >= 32000 else 576)
    assert audio.skipped_bytes == 0


def test_the_header_frame_is_no_audio(song: bytes) -> None:
    whole, bare = scan(song), scan(without_header_frame(song))
    assert whole is not None
    assert bare is not None
    assert (bare.header_frame, bare.declared_frames, bare.frames) == (False, None, whole.frames)


def test_vbri_header_is_read(song: bytes) -> None:
    bare = bytearray(without_header_frame(song))
    frame = bytearray(bare[:400])
    frame[36 : 36 + 18] = b"VBRI" + bytes(10) + (77).to_bytes(4, "big")
    audio = scan(bytes(frame) + bytes(bare[400:]))
    assert audio is not None
    assert (audio.header_frame, audio.declared_frames) == (True, 77)


def test_tags_before_and_after_hold_no_frames(song: bytes) -> None:
    # the tags' bodies are full of what looks like the song's own frames
    leading = bytearray(id3(2000, footer=True))
    leading[100:1900] = song[1000:2800]
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + (2032 - 32).to_bytes(4, "little") + bytes(16)
    ape = song[-1968:] + ape
    tagged = bytes(leading) + id3(50) + song + ape + b"TAG" + bytes(125)
    assert end_of_leading_tags(tagged) == 2020 + 60
    plain = scan(song)
    assert plain is not None
    assert scan(tagged) == replace(plain, start=2080, end=2080 + plain.end)


def test_resync_after_junk_needs_two_headers(song: bytes) -> None:
    plain = scan(song)
    header = song[:4]  # LAME writes no leading tag
    junk = b"\x00" * 50 + header + b"\x00" * 50 + header + b"\x00" * 50  # headers, but not a frame's length apart
    audio = scan(song + junk + without_header_frame(song))
    assert plain is not None
    assert audio is not None
    assert audio.frames == 2 * plain.frames
    assert audio.skipped_bytes == len(junk)


def test_cut_frame_does_not_count(song: bytes) -> None:
    plain, cut = scan(song), scan(song[:-1])
    assert plain is not None
    assert cut is not None
    assert cut.frames == plain.frames - 1


@pytest.mark.parametrize(
    ("header", "layer", "length", "samples"),
    [
        (b"\xff\xfd\xa0\x00", 2, 626, 1152),  # MPEG 1 layer II, 192 kbit/s, 44100 Hz: 144 * 192000 / 44100
        (b"\xff\xff\xa0\x00", 1, 348, 384),  # MPEG 1 layer I, 320 kbit/s: 4 * floor(12 * 320000 / 44100)
        (b"\xff\xe3\x80\xc0", 3, 417, 576),  # MPEG 2.5 layer III, 64 kbit/s, 11025 Hz: 72 * 64000 / 11025
    ],
)
def test_other_layers_and_versions(header: bytes, layer: int, length: int, samples: int) -> None:
    audio = scan((header + bytes(length - 4)) * 10)
    assert audio is not None
    assert (audio.layer, audio.frames, audio.samples) == (layer, 10, 10 * samples)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"\xff\xfb\x90",
        bytes(5000),
        b"\xff" * 5000,
        b"<!doctype html>" * 300,
        np.random.default_rng(0).bytes(200_000),
        id3(1500),
        (b"\xff\xfb\x00\x00" + bytes(413)) * 10,  # free format
    ],
)
def test_no_frame_in_other_content(data: bytes) -> None:
    assert scan(data) is None


def test_only_tags() -> None:
    assert only_tags(id3(1500))
    assert only_tags(id3(1500) + bytes(100) + b"TAG" + bytes(125))
    assert not only_tags(b"")
    assert not only_tags(bytes(100))
    assert not only_tags(id3(1500) + b"noise")


def test_absurd_tag_sizes_do_not_loop_or_fail() -> None:
    assert scan(b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f" + bytes(100)) is None
    footer = b"APETAGEX" + bytes(4) + b"\xff\xff\xff\xff" + bytes(16)
    assert scan(bytes(100) + footer) is None
