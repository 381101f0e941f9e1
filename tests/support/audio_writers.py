"""One noise in every container, by every writer that is installed."""

import io
import shutil
import subprocess
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from tests.support.audio_files import mp3, without_header_frame

SR = 48000
SECONDS = 6


@cache
def rising() -> NDArray[np.float64]:
    """Noise that grows louder, so that a wrong excerpt has another level, and no two are alike."""
    y = np.random.default_rng(3).standard_normal(SECONDS * SR).cumsum()
    y = np.diff(y, prepend=0) + 0.5 * np.roll(np.diff(y, prepend=0), 1)
    y *= np.linspace(0.02, 0.15, len(y))
    return np.stack([y, 0.7 * y], axis=1)


def soundfile_writer(name: str, subtype: str | None = None) -> Callable[[], bytes]:
    def write() -> bytes:
        buffer = io.BytesIO()
        soundfile.write(buffer, rising(), SR, format=name, subtype=subtype)
        return buffer.getvalue()

    return write


def program(*command: str) -> Callable[[], bytes]:
    """Write with another program, from a WAV at its input to its output."""

    def write() -> bytes:
        if shutil.which(command[0]) is None:
            pytest.skip(f"{command[0]} is not installed")
        wav = soundfile_writer("WAV")()
        return subprocess.run(command, input=wav, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout

    return write


def ffmpeg(*options: str) -> Callable[[], bytes]:
    return program("ffmpeg", "-v", "error", "-i", "-", *options, "-")


WRITERS: dict[str, Callable[[], bytes]] = {
    "mp3 cbr": lambda: mp3(rising(), sr=SR),
    "mp3 vbr": lambda: mp3(rising(), sr=SR, mode="VARIABLE"),
    "mp3 bare vbr": lambda: without_header_frame(mp3(rising(), sr=SR, mode="VARIABLE")),
    "mp3 bare cbr": lambda: without_header_frame(mp3(rising(), sr=SR)),
    "mp3 lame": program("lame", "--silent", "-V", "2", "-", "-"),
    "mp3 lame -t": program("lame", "--silent", "-t", "-V", "2", "-", "-"),
    "mp3 lame -t cbr": program("lame", "--silent", "-t", "-b", "128", "-", "-"),
    "mp3 ffmpeg": ffmpeg("-q:a", "3", "-write_xing", "0", "-f", "mp3"),
    "wav": soundfile_writer("WAV"),
    "wav float": soundfile_writer("WAV", "FLOAT"),
    "wav ffmpeg": ffmpeg("-f", "wav"),
    "wav sox": program("sox", "-t", "wav", "-", "-t", "wav", "-"),
    "rf64": soundfile_writer("RF64"),
    "w64": soundfile_writer("W64"),
    "caf": soundfile_writer("CAF"),
    "aiff": soundfile_writer("AIFF"),
    "aiff sox": program("sox", "-t", "wav", "-", "-t", "aiff", "-"),
    "au": soundfile_writer("AU"),
    "au sox": program("sox", "-t", "wav", "-", "-t", "au", "-"),
    "flac": soundfile_writer("FLAC"),
    "flac ffmpeg": ffmpeg("-f", "flac"),
    "ogg": soundfile_writer("OGG", "VORBIS"),
    "ogg ffmpeg": ffmpeg("-c:a", "libvorbis", "-f", "ogg"),
    "opus": soundfile_writer("OGG", "OPUS"),
    "opus ffmpeg": ffmpeg("-c:a", "libopus", "-f", "ogg"),
}


@cache
def written(writer: str) -> bytes:
    return WRITERS[writer]()
