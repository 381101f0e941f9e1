"""A dataset root with every kind of broken MP3 in it, each kind in a shard of its own between two sound neighbours."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from fmagc.runtime.files import file_sha1
from tests.support.audio_files import container, id3, mp3, music, without_header_frame

IDS_PER_SHARD = 100
LENGTH = 2**16  # samples of the sound tracks, which is also the least that is accepted
HUGE = (768 << 20) + 1  # bytes, of which an MP3 may have one less
SILENT_FRAME = bytes.fromhex("ffe318c0") + bytes(68)  # MPEG 2.5 layer III, 8 kbit/s, 8 kHz, mono: 72 bytes, 576 samples


@dataclass(frozen=True)
class Case:
    """One file of the dataset root and what must become of it.

    Attributes
    ----------
    name : str
        The file's stem.
    put : bytes or callable
        The file's content, or what makes it at a path.
    outcome : str
        The reasons that are right, or the flags of an accepted track behind a plus sign.
    detail : str
        A pattern that the ledger's detail must hold.
    listed_sha1 : str
        What the archive's list says of the file.
    folder : str
    """

    name: str
    put: bytes | Callable[[Path], object]
    outcome: str
    detail: str = ""
    listed_sha1: str = ""
    folder: str = ""


@cache
def song(number: int = 0, *, sr: int = 44100, channels: int = 2, mode: str = "CONSTANT") -> bytes:
    """Make one of a few short songs."""
    n_samples = -(-LENGTH * sr // 44100) + 1000 * number
    return mp3(music(n_samples, sr=sr, channels=channels), sr=sr, mode=mode)


def cases() -> dict[str, list[Case]]:
    """List the cases by class."""
    whole, noise = song(), np.random.default_rng(0)
    bare = without_header_frame(whole)
    strange = "müzik 音楽 🎵\nnew line"
    return {
        "F1 missing": [
            Case("gone", lambda path: None, "missing_file", "No such file"),
            Case("gone", lambda path: None, "missing_file", "No such file", folder="no folder either"),
        ],
        "F2 no audio": [
            Case("empty", b"", "not_mp3", "0 bytes, empty"),
            Case("page", b"<html>404</html>" * 99, "not_mp3", "3c 68 74 6d 6c 3e 34 30"),
            Case("noise", noise.bytes(20_000), "not_mp3", "20000 bytes, begins with ([0-9a-f]{2} ?){8}"),
            Case("zeros", bytes(9999), "not_mp3", "00 00 00 00 00 00 00 00"),
            Case("ones", b"\xff" * 9999, "not_mp3", "ff ff ff ff ff ff ff ff"),
            Case("tag", id3(1600), "no_audio", "1610 bytes, not one audio frame"),
        ],
        "F3 container": [
            Case("wav", container("WAV", n_samples=LENGTH), "not_mp3", "52 49 46 46"),
            Case("ogg", container("OGG", n_samples=LENGTH), "not_mp3", "4f 67 67 53"),
            Case("flac", container("FLAC", n_samples=LENGTH), "not_mp3", "66 4c 61 43"),
        ],
        "F4 truncated": [
            Case("half", whole[: len(whole) // 2], "truncated", r"decoded \d+ samples, its header declares \d+ frames"),
            Case("start", whole[:12_000], "truncated", r"decoded \d+ samples, its header declares \d+ frames"),
            Case("within a frame", whole[: 20_000 + 7], "truncated", "its header declares"),
        ],
        "F5 rot": [
            Case("flips", _flipped(whole, 2000), "truncated decode_error", "Illegal Audio-MPEG-Header"),
            Case("hole", _blank(whole, 8_000, 20_000), "truncated decode_error", "[Rr]esync"),
            Case("front", whole[len(whole) // 2 :], "too_short", f"samples at 44100 Hz, needs {LENGTH}"),
            Case("first frames", _without_frames(whole, 20), "too_short", f"samples at 44100 Hz, needs {LENGTH}"),
        ],
        "F6 short": [
            Case(
                "seconds",
                mp3(music(22050)),
                "too_short",
                rf"0\.50 s, needs .* \(22050 samples at 44100 Hz, needs {LENGTH}\)",
            ),
            Case("one less", mp3(music(LENGTH - 1)), "too_short", f"{LENGTH - 1} samples"),
            Case("exactly", mp3(music(LENGTH)), "+"),
        ],
        "F7 rates": [
            Case("low", song(sr=22050), "+resampled"),
            Case("high", song(sr=48000), "+resampled"),
            Case("mono", song(channels=1), "+"),
            Case(
                "changing",
                bare + song(sr=22050),
                "decode_error",
                "its sample rate, MPEG version or channels change",
            ),
            Case("unknown length", without_header_frame(song(mode="VARIABLE")), "+"),
        ],
        "F8 silent": [Case("silence", mp3(np.zeros((LENGTH, 2))), "+silent")],
        "F12 huge": [Case("sparse", lambda path: _sparse(path, HUGE), "too_large", r"expected at most \d+ bytes")],
        "F13 endless": [Case("hour", SILENT_FRAME * 50_000, "+silent resampled")],
        "F14 checksum": [
            Case("changed", _edited_afterwards, "checksum_mismatch", r"manifest \w{40}, of the file \w{40}"),
            Case("listed", whole, "checksum_mismatch", r"archive's list 0{40}, of the file", listed_sha1="0" * 40),
        ],
        "F15 names": [
            Case("accents ünïcödé", whole, "+", folder=strange),
            Case("音楽 🎵", whole, "+", folder=strange),
            Case('two\nlines, "quoted"', whole, "+", folder=strange),
            Case("loop", lambda path: path.symlink_to(path.name), "not_regular_file", "symbolic links"),
            Case("folder", Path.mkdir, "not_regular_file", "file type d"),
            Case("pipe", os.mkfifo, "not_regular_file", "file type p"),
            Case("device", lambda path: path.symlink_to("/dev/zero"), "not_regular_file", "file type c"),
            Case(
                "failing disk", lambda path: path.symlink_to("/proc/self/mem"), "unreadable_file", "Input/output error"
            ),
        ],
    }


def neighbours() -> list[Case]:
    """List the sound tracks that every class stands between."""
    return [Case("first", song(1), "+"), Case("last", song(2, mode="VARIABLE"), "+")]


def fill(raw: Path, classes: dict[str, list[Case]]) -> tuple[pd.DataFrame, dict[int, Case]]:
    """Put cases and their neighbours into a dataset root; return the index and the cases by track."""
    rows, by_track = [], {}
    for number, (name, members) in enumerate(classes.items()):
        first, last = neighbours()
        for place, case in enumerate([first, *members, last]):
            track_id = IDS_PER_SHARD * number + place
            path = raw / name / case.folder / f"{case.name}.mp3"
            sha1 = _put(case, path)
            by_track[track_id] = case
            row = {"track_id": track_id, "path": path.relative_to(raw).as_posix(), "sha1": sha1}
            rows.append(row | {"listed_sha1": case.listed_sha1})
    return pd.DataFrame(rows), by_track


def _put(case: Case, path: Path) -> str:
    """Make the file and return its checksum as the manifest of the dataset root has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(case.put, bytes):
        path.write_bytes(case.put)
        return file_sha1(path)
    return str(case.put(path) or "")


def _edited_afterwards(path: Path) -> str:
    path.write_bytes(song())
    seen = file_sha1(path)
    path.write_bytes(song()[:-1] + b"!")
    return seen


def _flipped(data: bytes, n_bits: int) -> bytes:
    damaged = np.frombuffer(data, dtype=np.uint8).copy()
    rng = np.random.default_rng(0)
    damaged[rng.integers(0, len(data), n_bits)] ^= (1 << rng.integers(0, 8, n_bits)).astype(np.uint8)
    return damaged.tobytes()


def _without_frames(data: bytes, n_frames: int) -> bytes:
    for _ in range(n_frames):
        data = without_header_frame(data)
    return data


def _blank(data: bytes, start: int, length: int) -> bytes:
    return data[:start] + bytes(length) + data[start + length :]


def _sparse(path: Path, n_bytes: int) -> str:
    """Make a file that takes no room on the disk and more memory than a worker may have; return its checksum."""
    with path.open("wb") as file:
        file.truncate(n_bytes)
    return file_sha1(path)
