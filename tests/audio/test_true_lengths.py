"""A table of containers, writers and defects: what is accepted is the middle of all that is there, as others decode it.

The references are what ffmpeg, mpg123 and libsndfile make of the sound file; a defect changes none of its samples.
"""

import io
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio.decode import Decoded
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import decode_bytes
from tests.support.audio_writers import SR, WRITERS, ffmpeg, written
from tests.support.decoders import needs_libmpg123
from tests.support.length_defects import DEFECTS

KEPT = 2.0
FRAME = 1152  # samples

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
CUT = [writer for writer in WRITERS if writer not in TELL_NO_LENGTH]


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
