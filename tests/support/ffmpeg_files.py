"""Files that ffmpeg encodes."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.audio import ffmpeg

FFMPEG = ffmpeg.ffmpeg_program().path
SR = 44_100

needs_ffprobe = pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffprobe")
LOSSLESS = {"alac.m4a": ["-c:a", "alac"], "wv": ["-c:a", "wavpack"], "tta": ["-c:a", "tta"], "mka": ["-c:a", "flac"]}


def encode(folder: Path, name: str, *arguments: str, seconds: float = 3, channels: int = 2) -> Path:
    """Encode a seeded noise that is low enough in frequency for every codec to follow."""
    source, target = folder / "source.wav", folder / name
    noise = np.random.default_rng(3).normal(size=(round(seconds * SR), channels))
    y = np.apply_along_axis(lambda column: np.convolve(column, np.hanning(64) / 32, mode="same"), 0, noise)
    soundfile.write(source, 0.5 * y / np.abs(y).max(), SR, subtype="PCM_16")
    subprocess.run(
        [FFMPEG, "-v", "error", "-y", "-i", source, "-bitexact", *arguments, f"file:{target.absolute()}"], check=True
    )
    return target
