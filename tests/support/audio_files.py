"""Sound files made for tests, and decoded."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio.decode import Decoded, decode
from fmagc.audio.quantise import most_samples
from fmagc.audio.tags import end_of_leading_tags
from fmagc.errors import RejectedTrack
from fmagc.params.signal import Audio

CLIP = 2**19
SETTINGS = Audio(
    sample_rate=44100,
    max_seconds=30.0,
    decoder="soundfile",
    fallback="none",
    timeout_s=60.0,
    max_reject_fraction=0.1,
    ids_per_shard=50,
)


def music(n_samples: int, *, sr: int = 44100, channels: int = 2) -> NDArray[np.float64]:
    """Plucked chords and hiss in bursts, so that a variable bit rate varies; the channels differ in level."""
    t = np.arange(n_samples) / sr
    chord = sum(np.sin(2 * np.pi * f * t) for f in (110.0, 220.0, 277.2, 329.6, 880.0))
    hiss = np.random.default_rng(0).standard_normal(n_samples) * (t % 4 > 2)
    y = 0.06 * chord * np.exp(-3 * (t % 0.5)) + 0.1 * hiss
    return np.stack([y * (1 - 0.5 * channel) for channel in range(channels)], axis=1)


def mp3(y: NDArray[np.float64], *, sr: int = 44100, mode: str = "CONSTANT", level: float = 0.5) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, y, sr, format="MP3", bitrate_mode=mode, compression_level=level)
    return buffer.getvalue()


def container(name: str, *, n_samples: int = 44100, subtype: str | None = None) -> bytes:
    """Write music into another container than MP3."""
    buffer = io.BytesIO()
    sr = 48000 if subtype == "OPUS" else 44100
    soundfile.write(buffer, music(n_samples, sr=sr), sr, format=name, subtype=subtype)
    return buffer.getvalue()


def without_header_frame(data: bytes) -> bytes:
    """Cut off the Xing or Info frame that LAME writes first."""
    start = end_of_leading_tags(data)
    bitrate, rate = data[start + 2] >> 4, data[start + 2] >> 2 & 3
    kbps = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[bitrate]
    length = 144_000 * kbps // (44100, 48000, 32000)[rate] + (data[start + 2] >> 1 & 1)
    return data[:start] + data[start + length :]


def id3(n_bytes: int, *, footer: bool = False) -> bytes:
    """An ID3v2.4 tag with a body of zeros."""
    size = bytes(n_bytes >> shift & 0x7F for shift in (21, 14, 7, 0))
    tail = b"3DI\x04\x00\x10" + size if footer else b""
    return b"ID3\x04\x00" + (b"\x10" if footer else b"\x00") + size + bytes(n_bytes) + tail


def decode_bytes(
    data: bytes, folder: Path, *, suffix: str = ".mp3", min_samples: int = CLIP, **changes: object
) -> Decoded:
    """Write the bytes into a file and decode it."""
    path = folder / f"track{suffix}"
    path.write_bytes(data)
    sha1 = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    settings = SETTINGS.model_copy(update=changes)
    out = np.empty(most_samples(settings), dtype=np.int16)
    return decode(
        path,
        expected_sha1=sha1,
        listed_sha1="",
        settings=settings,
        min_samples=min_samples,
        out=out,
        decoder=settings.decoder,
    )


def rejection(data: bytes, folder: Path, **changes: object) -> RejectedTrack:
    """Decode bytes that must be rejected."""
    with pytest.raises(RejectedTrack) as caught:
        decode_bytes(data, folder, **changes)
    return caught.value
