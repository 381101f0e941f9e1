"""What libsndfile does not read, the fallback ffmpeg decodes as libsndfile would; without it the row names it."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.audio import ffmpeg
from fmagc.audio.decode import Decoded, decode, decode_whole
from fmagc.audio.quantise import most_samples
from fmagc.errors import Reason, RejectedTrack
from tests.support.audio_files import SETTINGS
from tests.support.ffmpeg_files import FFMPEG, LOSSLESS, SR, encode, needs_ffprobe


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
