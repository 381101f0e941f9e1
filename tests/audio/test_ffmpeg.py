"""Files that only ffmpeg reads: same samples, honest reasons, no other file read, nothing left running."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio import ffmpeg
from fmagc.audio.ffmpeg import converted_to_au
from fmagc.errors import Reason, RejectedTrack
from tests.support.ffmpeg_files import FFMPEG, LOSSLESS, SR, encode, needs_ffprobe

LOSSY = {
    "m4a": ["-c:a", "aac"],
    "wma": ["-c:a", "wmav2"],
    "ac3": ["-c:a", "ac3"],
    "aac": ["-c:a", "aac", "-f", "adts"],
    "mkv": ["-c:a", "libvorbis"],
    "webm": ["-c:a", "libopus"],
}


def read(path: Path) -> tuple[NDArray[np.float32], int]:
    with converted_to_au(path) as (au, _), soundfile.SoundFile(au, closefd=False) as file:
        return file.read(dtype="float32", always_2d=True), file.samplerate


def rejection(path: Path) -> RejectedTrack:
    with pytest.raises(RejectedTrack) as caught:
        read(path)
    return caught.value


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_files_give_their_samples(tmp_path: Path, name: str) -> None:
    y, sr = read(encode(tmp_path, f"song.{name}", *LOSSLESS[name]))
    assert sr == SR
    np.testing.assert_array_equal(y, soundfile.read(tmp_path / "source.wav", dtype="float32")[0])


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_files_give_the_song_from_its_beginning(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path, f"song.{name}", *LOSSY[name])
    y, sr = read(path)
    told = subprocess.run(
        [FFMPEG, "-v", "error", "-i", path, "-f", "f32le", "-"], check=True, stdout=subprocess.PIPE
    ).stdout
    np.testing.assert_array_equal(y, np.frombuffer(told, dtype="<f4").reshape(-1, 2))
    assert abs(len(y) / sr - 3) < 0.1


def test_samples_above_full_scale_are_kept(tmp_path: Path) -> None:
    path = encode(tmp_path, "loud.mka", "-af", "volume=4", "-c:a", "pcm_f32le")
    assert np.abs(read(path)[0]).max() == pytest.approx(2, rel=0.01)


def test_a_format_that_is_not_opened_is_named(tmp_path: Path) -> None:
    error = rejection(encode(tmp_path, "song.nut", "-c:a", "flac"))
    assert error.reason == Reason.NOT_AUDIO
    assert "its format nut is not among those that hold music in one file" in error.detail


@needs_ffprobe
def test_tags_cannot_mislead(tmp_path: Path) -> None:
    tags = {"title": "Duration: 00:00:01.00", "comment": "Stream #0:0: Audio: pcm, 8000 Hz, mono, s16"}
    arguments = [word for tag, text in tags.items() for word in ("-metadata", f"{tag}={text}")]
    y, sr = read(encode(tmp_path, "song.m4a", "-c:a", "aac", *arguments))
    assert (sr, y.shape[1]) == (SR, 2)
    assert abs(len(y) / sr - 3) < 0.1


@needs_ffprobe
def test_four_channels_are_four(tmp_path: Path) -> None:
    y, _ = read(encode(tmp_path, "quad.mka", "-c:a", "flac", "-channel_layout", "quad", channels=4))
    assert y.shape[1] == 4


def test_without_ffprobe_a_disagreement_is_a_rejection_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path, "song.m4a", "-c:a", "aac", "-metadata", "comment=Audio: pcm, 8000 Hz, mono")
    only_ffmpeg = tmp_path / "bin"
    only_ffmpeg.mkdir()
    (only_ffmpeg / "ffmpeg").symlink_to(FFMPEG)
    monkeypatch.setenv("PATH", str(only_ffmpeg))
    error = rejection(path)
    assert error.reason == Reason.DECODER_DISAGREES
    assert all(word in error.detail for word in ("ffprobe", "8000 Hz", "44100 Hz"))


@needs_ffprobe
def test_a_cut_file_is_truncated(tmp_path: Path) -> None:
    path = encode(tmp_path, "song.mka", "-c:a", "flac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert rejection(path).reason == Reason.TRUNCATED


def test_a_file_cut_before_its_index_is_a_decode_error_without_addresses_or_places(tmp_path: Path) -> None:
    path = encode(tmp_path, "song.m4a", "-c:a", "aac")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    error = rejection(path)
    assert error.reason == Reason.DECODE_ERROR
    assert "moov atom not found" in error.detail
    assert not any(word in error.detail for word in ("0x", str(tmp_path)))


def test_a_film_without_sound_is_not_audio(tmp_path: Path) -> None:
    target = tmp_path / "film.mkv"
    subprocess.run([FFMPEG, "-v", "error", "-f", "lavfi", "-i", "testsrc=d=1:s=32x32", target], check=True)
    assert rejection(target).reason == Reason.NOT_AUDIO


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nsong.aac\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile song.aac\n",
    ],
)
def test_a_playlist_reads_no_other_file(tmp_path: Path, text: str) -> None:
    encode(tmp_path, "song.aac", "-c:a", "aac", "-f", "adts")
    path = tmp_path / "list.m4a"
    path.write_text(text)
    assert rejection(path).reason in (Reason.NOT_AUDIO, Reason.DECODE_ERROR)


def test_a_name_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode(tmp_path, "a.aac", "-c:a", "aac", "-f", "adts").rename(tmp_path / "concat:a.aac|a.aac")
    monkeypatch.chdir(tmp_path)
    assert abs(len(read(Path("concat:a.aac|a.aac"))[0]) / SR - 3) < 0.1


def test_without_ffmpeg_the_row_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    ffmpeg.ffmpeg_program.cache_clear()
    try:
        error = rejection(tmp_path / "song.m4a")
    finally:
        ffmpeg.ffmpeg_program.cache_clear()
    assert error.reason == Reason.NO_DECODER
    assert "install" in error.detail


def test_an_endless_stream_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ffmpeg, "MOST_BYTES", 1 << 20)
    path = encode(tmp_path, "song.m4a", "-c:a", "aac", seconds=30)
    error = rejection(path)
    assert error.reason == Reason.TOO_LARGE
    assert "cut the file into parts" in error.detail


def test_ffmpeg_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((20 * 60 * SR, 2), dtype=np.int16), SR)
    code = f"""
import time
from pathlib import Path
from fmagc.audio import ffmpeg

class Slow:
    def tell(self): return 0
    def write(self, block): print(flush=True); time.sleep(60)

ffmpeg._run(ffmpeg.ffmpeg_program(), Path({str(path)!r}), Slow(), None)
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    assert _running(path)
    process.kill()
    process.wait()
    until = time.monotonic() + 60
    while _running(path):
        assert time.monotonic() < until
        time.sleep(0.05)


def _running(path: Path) -> list[Path]:
    """Find processes whose command line names a file."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if command.split(b"\0")[0] == os.fsencode(FFMPEG) and os.fsencode(path) in command:
            found.append(process)
    return found
