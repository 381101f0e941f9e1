"""A table of containers, writers and defects: what is accepted is the middle of all that is there, as others decode it.

The references are what ffmpeg, mpg123 and libsndfile make of the sound file; a defect changes none of its samples.
"""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio.decode import Decoded
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import decode_bytes, id3, mp3, without_header_frame
from tests.support.decoders import needs_libmpg123

SR = 48000
SECONDS, KEPT = 6, 2.0
FRAME = 1152  # samples

Defect = Callable[[bytes], bytes]


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


def behind(junk: bytes) -> Defect:
    return lambda data: data + junk


def before(junk: bytes) -> Defect:
    return lambda data: junk + data


def number(marker: bytes, offset: int, value: int, *, n_bytes: int = 4, big_endian: bool = False) -> Defect:
    """Write a number at a place behind a marker."""

    def write(data: bytes) -> bytes:
        at = data.index(marker) + offset
        return data[:at] + value.to_bytes(n_bytes, "big" if big_endian else "little") + data[at + n_bytes :]

    return write


def counting_its_header(data: bytes) -> bytes:
    at = data.index(b"data") + 4
    size = int.from_bytes(data[at : at + 4], "little") + 44
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def half_declared(data: bytes) -> bytes:
    at = data.index(b"data") + 4
    return data[:at] + (int.from_bytes(data[at : at + 4], "little") // 2).to_bytes(4, "little") + data[at + 4 :]


def in_wav(data: bytes) -> bytes:
    """Wrap an MP3 as Windows and recorders do; the header tells half of its samples."""
    fmt = (
        (0x55).to_bytes(2, "little")
        + (2).to_bytes(2, "little")
        + SR.to_bytes(4, "little")
        + (16000).to_bytes(4, "little")
    )
    fmt += bytes((1, 0, 0, 0, 12, 0)) + bytes((1, 0, 2, 0, 0, 0, 0x80, 4, 1, 0, 0x71, 5))
    fact = b"fact" + (4).to_bytes(4, "little") + (SECONDS * SR // 2).to_bytes(4, "little")
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt + fact + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def flac_total(value: int) -> Defect:
    return lambda data: data[:21] + bytes((data[21] & 0xF0,)) + value.to_bytes(4) + data[26:]


def without_end_mark(data: bytes) -> bytes:
    last = data.rindex(b"OggS")
    page = (
        data[last : last + 5]
        + bytes((data[last + 5] & ~4,))
        + data[last + 6 : last + 22]
        + bytes(4)
        + data[last + 26 :]
    )
    return data[:last] + page[:22] + checksum(page).to_bytes(4, "little") + page[26:]


def checksum(page: bytes) -> int:
    """Compute the checksum of an Ogg page."""
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x104C11DB7 if remainder & 0x80000000 else 0)) & 0xFFFFFFFF
    return remainder


TAG = b"TAG" + b"song".ljust(30, b"\0") + bytes(95)
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (40).to_bytes(4, "little") + bytes(16)
NOISE = np.random.default_rng(5).bytes(3000)
SIZE = {"zero": 0, "sox": 0x7FFFF000, "arecord": 0x80000000, "max int": 0x7FFFFFFF, "ffmpeg": 0xFFFFFFFF}

# by the first word of a writer: what is done to its file, and the flags that this must give
DEFECTS: dict[str, dict[str, tuple[Defect, set[str]]]] = {
    "mp3": {
        "zeros before": (before(bytes(5000)), {"padded"}),
        "noise before": (before(NOISE), {"padded"}),
        "padding behind a tag": (before(id3(40) + bytes(3000)), {"padded"}),
        "zeros behind": (behind(bytes(65536)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "tags behind": (behind(bytes(8) + APE + TAG), set()),
        "in a WAV": (in_wav, set()),
    },
    "wav": {
        **{f"size {name}": (number(b"data", 4, size), {"length_corrected"}) for name, size in SIZE.items()},
        "counts its header": (counting_its_header, {"length_corrected"}),
        "half": (half_declared, {"length_corrected"}),
        "a tag behind": (behind(TAG), set()),
        "zeros behind": (behind(bytes(10_000)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "a tag before": (before(id3(1000)), set()),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
    "aiff": {
        f"size {name}": (number(b"SSND", 4, size, big_endian=True), {"length_corrected"}) for name, size in SIZE.items()
    },
    "au": {
        f"size {name}": (number(b".snd", 8, size, big_endian=True), {"length_corrected"}) for name, size in SIZE.items()
    },
    "caf": {"size unknown": (number(b"data", 4, 2**64 - 1, n_bytes=8, big_endian=True), {"length_corrected"})},
    "rf64": {"a tag behind": (behind(TAG), set()), "zeros behind": (behind(bytes(9000)), {"padded"})},
    "w64": {"zeros behind": (behind(bytes(9000)), {"padded"})},
    "flac": {
        "a tag behind": (behind(TAG), set()),
        "a tag before": (before(id3(1000)), set()),
        "zeros behind": (behind(bytes(5000)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "total unknown": (flac_total(0), {"length_corrected"}),
        "total too small": (flac_total(SR), {"length_corrected"}),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
    "ogg": {
        "no end mark": (without_end_mark, {"no_end_mark"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "a tag before": (before(id3(1000)), set()),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
}
DEFECTS["opus"] = DEFECTS["ogg"]

PIPED = ("wav ffmpeg", "flac ffmpeg")  # their headers tell no length: what lies behind the audio may be audio
BARE = {writer for writer in WRITERS if writer.startswith(("mp3 bare", "mp3 lame", "mp3 ffmpeg"))}
TELL_NO_LENGTH = BARE | {*PIPED, "aiff sox"}
TABLE = [(writer, "none") for writer in WRITERS] + [
    (writer, name)
    for writer in WRITERS
    for name in DEFECTS.get(writer.split()[0], {})
    if writer not in PIPED or not name.endswith(("behind", "header")) or name.startswith("a tag")
]
BY_DECODER = [
    *((writer, defect, "soundfile") for writer, defect in TABLE),
    *(
        pytest.param(writer, defect, "mpg123", marks=needs_libmpg123)
        for writer, defect in TABLE
        if writer.startswith("mp3")
    ),
]
CHAINS = [writer for writer in WRITERS if writer.split()[0] in ("flac", "ogg", "opus")]
CUT = [
    name
    for name in WRITERS
    if not name.startswith(("mp3 bare", "mp3 lame", "mp3 ffmpeg", "aiff sox")) and name not in PIPED
]


@cache
def written(writer: str) -> bytes:
    return WRITERS[writer]()


@cache
def references(writer: str) -> dict[str, NDArray[np.float32]]:
    """Decode a sound file with everything that is installed: the samples of all of it, mono."""
    data = written(writer)
    found = {}
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        if shutil.which("ffmpeg"):
            found["ffmpeg"] = decoded_by("ffmpeg", "-v", "error", "-i", file.name, "-f", "f32le", "-ar", str(SR), "-")
        if shutil.which("mpg123") and writer.startswith("mp3"):
            found["mpg123"] = decoded_by("mpg123", "-q", "-e", "f32", "-s", file.name)
    if not writer.startswith("mp3 ") and writer != "flac ffmpeg":
        found["libsndfile"] = soundfile.read(io.BytesIO(data), dtype="float32")[0].mean(axis=1)
    return found


def decoded_by(*command: str) -> NDArray[np.float32]:
    raw = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    mono: NDArray[np.float32] = np.frombuffer(raw, dtype="<f4").reshape(-1, 2).mean(axis=1)
    return mono


def suffix(writer: str, defect: str) -> str:
    return ".wav" if defect == "in a WAV" else f".{writer.split()[0]}"


def check(decoded: Decoded, whole: NDArray[np.float32], name: str) -> None:
    """Compare an excerpt with the middle of what another decoder gives."""
    samples, scale = decoded.samples, decoded.scale
    n_samples, start = (round(seconds * SR) for seconds in (decoded.file_s, decoded.start_s))
    assert abs(n_samples - len(whole)) <= FRAME, name
    assert abs(start - (len(whole) - round(KEPT * SR)) // 2) <= FRAME, name
    assert len(samples) == round(KEPT * SR), name
    expected = whole[start:][: len(samples)]
    assert np.corrcoef(scale * samples, expected)[0, 1] > 0.999, name
    assert np.std(scale * samples) == pytest.approx(np.std(expected), rel=0.01), name


@pytest.mark.parametrize(("writer", "defect", "decoder"), BY_DECODER)
def test_the_middle_of_all_that_is_there(writer: str, defect: str, decoder: str, tmp_path: Path) -> None:
    change, flags = DEFECTS[writer.split()[0]][defect] if defect != "none" else (bytes, None)
    decoded = decode_bytes(
        change(written(writer)),
        tmp_path,
        suffix=suffix(writer, defect),
        min_samples=1,
        max_seconds=KEPT,
        sample_rate=SR,
        decoder=decoder,
    )
    for name, whole in references(writer).items():
        check(decoded, whole, name)
    if flags is not None:
        assert flags <= set(decoded.flags)
        assert "warned" not in decoded.flags


@pytest.mark.parametrize("writer", CHAINS)
def test_streams_behind_each_other_are_one_recording(writer: str, tmp_path: Path) -> None:
    decoded = decode_bytes(
        written(writer) * 2, tmp_path, suffix=suffix(writer, ""), min_samples=1, max_seconds=KEPT, sample_rate=SR
    )
    assert "chained" in decoded.flags
    for name, whole in references(writer).items():
        check(decoded, np.tile(whole, 2), name)


@pytest.mark.parametrize("writer", CUT)
def test_a_cut_file_is_truncated(writer: str, tmp_path: Path) -> None:
    data = written(writer)
    with pytest.raises(RejectedTrack) as caught:
        decode_bytes(data[: len(data) * 6 // 10], tmp_path, suffix=suffix(writer, ""), min_samples=1, sample_rate=SR)
    assert caught.value.reason == Reason.TRUNCATED


@pytest.mark.parametrize("rate", ["8000", "16000", "24000"])
def test_opus_of_a_lower_rate_is_decoded_at_the_rate_of_opus(rate: str, tmp_path: Path) -> None:
    data = ffmpeg("-c:a", "libopus", "-ar", rate, "-f", "ogg")()
    decoded = decode_bytes(data, tmp_path, suffix=".opus", min_samples=1, max_seconds=KEPT, sample_rate=SR)
    (tmp_path / "song.opus").write_bytes(data)
    libopus = ("-c:a", "libopus", "-i", str(tmp_path / "song.opus"))
    whole = decoded_by("ffmpeg", "-v", "error", *libopus, "-f", "f32le", "-ar", str(SR), "-")
    check(decoded, whole, "libopus")
    assert decoded.sample_rate == SR
