"""Files that only ffmpeg reads: same samples, honest reasons, no other file read, nothing left running."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio import ffmpeg
from fmagc.audio.decode import Decoded, decode, decode_whole
from fmagc.audio.ffmpeg import converted_to_au
from fmagc.audio.quantise import most_samples
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import SETTINGS

FFMPEG = ffmpeg.ffmpeg_program().path
SR = 44_100

needs_ffprobe = pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffprobe")
LOSSLESS = {"alac.m4a": ["-c:a", "alac"], "wv": ["-c:a", "wavpack"], "tta": ["-c:a", "tta"], "mka": ["-c:a", "flac"]}
LOSSY = {
    "m4a": ["-c:a", "aac"],
    "wma": ["-c:a", "wmav2"],
    "ac3": ["-c:a", "ac3"],
    "aac": ["-c:a", "aac", "-f", "adts"],
    "mkv": ["-c:a", "libvorbis"],
    "webm": ["-c:a", "libopus"],
}


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


@pytest.mark.parametrize("name", LOSSLESS)
def test_a_track_is_the_middle_of_the_song_as_libsndfile_gives_it(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path, f"song.{name}", *LOSSLESS[name])
    settings = SETTINGS.model_copy(update={"max_seconds": 1.0})
    out = np.empty((2, most_samples(settings)), dtype=np.int16)
    known, found = (
        decode(
            file,
            expected_sha1=None,
            listed_sha1="",
            settings=settings,
            min_samples=1,
            out=room,
            fallback="ffmpeg",
        )
        for file, room in zip((tmp_path / "source.wav", path), out, strict=True)
    )
    np.testing.assert_array_equal(found.samples, known.samples)
    assert (found.start_s, found.file_s) == (known.start_s, known.file_s) == (1.0, 3.0)
    assert (known.flags, found.flags) == ((), ("fallback",))
    assert found.decoder == ffmpeg.ffmpeg_program().version
    assert found.decoder.startswith("ffmpeg ")


def by_fallback(path: Path) -> Decoded:
    """Decode a file as the pipeline does, with ffmpeg where libsndfile does not know it."""
    [decoded] = decode_whole(path, settings=SETTINGS, min_samples=1, fallback="ffmpeg")
    return decoded


# Containers that libsndfile opens, or seems to, with a codec that it does not decode.
FOREIGN = {
    "flac.oga": ["-c:a", "flac"],
    "speex.spx": ["-c:a", "libspeex", "-ar", "16000"],
    "film.ogv": ["-f", "lavfi", "-i", "testsrc=s=32x32:d=3", "-c:v", "libtheora", "-c:a", "libvorbis"],
    "ac3.wav": ["-c:a", "ac3"],
    "song.mp2": ["-c:a", "mp2"],
    "song.avi": ["-c:a", "libmp3lame"],
    "blocks.voc": ["-c:a", "pcm_s16le"],
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_codec_that_libsndfile_does_not_know_is_decoded_by_the_fallback(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path, name, *FOREIGN[name])
    decoded = by_fallback(path)
    raw = subprocess.run(
        [FFMPEG, "-v", "error", "-i", path, "-map", "0:a:0", "-ar", "44100", "-ac", "2", "-f", "f32le", "-"],
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    expected = np.frombuffer(raw, dtype="<f4").reshape(-1, 2).mean(axis=1)
    assert "fallback" in decoded.flags
    assert "warned" not in decoded.flags
    assert abs(len(decoded.samples) - len(expected)) <= 1
    n_samples = min(len(decoded.samples), len(expected))
    assert np.corrcoef(decoded.samples[:n_samples], expected[:n_samples])[0, 1] > 0.999
    with pytest.raises(RejectedTrack, match="the fallback ffmpeg reads more formats") as caught:
        decode_whole(path, settings=SETTINGS, min_samples=1)
    assert caught.value.reason == Reason.NOT_AUDIO


def test_a_wav_of_the_other_byte_order_is_not_left_to_the_fallback(tmp_path: Path) -> None:
    y = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * SR)
    soundfile.write(tmp_path / "big.wav", y, SR, subtype="PCM_16", endian="BIG")
    decoded = by_fallback(tmp_path / "big.wav")
    assert decoded.flags == ()
    assert np.corrcoef(decoded.samples, y)[0, 1] > 0.999


@pytest.mark.parametrize("name", ["flac.oga", "speex.spx"])
def test_an_ogg_file_of_another_codec_that_is_cut_is_truncated(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path, name, *FOREIGN[name])
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(RejectedTrack) as caught:
        by_fallback(path)
    assert caught.value.reason == Reason.TRUNCATED


@needs_ffprobe
@pytest.mark.parametrize("name", ["alac.m4a", "wv"])
def test_a_hole_is_truncated_though_most_of_the_length_is_there(tmp_path: Path, name: str) -> None:
    path = encode(tmp_path, f"song.{name}", *LOSSLESS[name], seconds=10)
    data = path.read_bytes()
    middle = len(data) // 2
    path.write_bytes(data[:middle] + bytes(3000) + data[middle + 3000 :])
    with pytest.raises(RejectedTrack) as caught:
        by_fallback(path)
    assert caught.value.reason == Reason.TRUNCATED


def test_a_format_that_is_not_opened_is_named(tmp_path: Path) -> None:
    error = rejection(encode(tmp_path, "song.nut", "-c:a", "flac"))
    assert error.reason == Reason.NOT_AUDIO
    assert "its format nut is not among those that hold music in one file" in error.detail


def test_a_large_container_of_another_kind_is_no_mp3_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    with path.open("wb") as file:
        file.write(b"\x1aE\xdf\xa3")
        file.truncate((768 << 20) + 1)
    with pytest.raises(RejectedTrack) as caught:
        decode_whole(path, settings=SETTINGS, min_samples=1)
    assert caught.value.reason == Reason.NOT_AUDIO


def test_without_the_fallback_the_row_names_it(tmp_path: Path) -> None:
    path = encode(tmp_path, "song.m4a", "-c:a", "aac")
    with pytest.raises(RejectedTrack, match="the fallback ffmpeg reads more formats") as caught:
        decode_whole(path, settings=SETTINGS, min_samples=1)
    assert caught.value.reason == Reason.NOT_AUDIO


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
