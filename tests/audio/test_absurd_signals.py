"""Signals that no music has: samples beyond all scales, channels that cancel, very many channels, rates and hours."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio.decode import decode, decode_whole
from fmagc.audio.log_mel import LogMel
from fmagc.audio.quantise import LARGEST_PEAK, most_samples
from fmagc.errors import Reason, RejectedTrack
from fmagc.params.signal import Mel
from fmagc.runtime.worker_pool import map_isolated
from tests.support.audio_files import SETTINGS, decode_bytes, mp3, music

MEL = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)


def wav(y: NDArray[np.float64], *, sr: int = 44100, subtype: str = "FLOAT") -> bytes:
    buffer = io.BytesIO()
    with np.errstate(over="ignore"):
        soundfile.write(buffer, y.astype(np.float32), sr, format="WAV", subtype=subtype)
    return buffer.getvalue()


def noise(n_samples: int = 88_200) -> NDArray[np.float64]:
    return 0.2 * np.random.default_rng(1).standard_normal(n_samples)


@pytest.mark.parametrize("sr", [8000, 44100])
@pytest.mark.parametrize("value", [1e30, 3.4e38, -1e6])
def test_one_absurd_sample_rejects_the_track(sr: int, value: float, tmp_path: Path) -> None:
    y = noise()
    y[40_000] = value
    with pytest.raises(RejectedTrack) as caught:
        decode_bytes(wav(y, sr=sr), tmp_path, suffix=".wav", min_samples=1)
    assert caught.value.reason == Reason.EXTREME_PEAK
    assert f"a peak of {abs(value):.4g} at {40_000 / sr:.2f} s" in caught.value.detail
    assert "scaled to it, 1 of 88200 samples" in caught.value.detail


@pytest.mark.parametrize("gain", [1.0, 32768.0, 2.0**31])
def test_other_scales_are_kept(gain: float, tmp_path: Path) -> None:
    decoded = decode_bytes(wav(gain * noise()), tmp_path, suffix=".wav", min_samples=1)
    assert decoded.scale * decoded.samples == pytest.approx(gain * noise(), abs=0.51 * decoded.scale)


def test_a_click_in_what_pcm_can_hold_is_kept(tmp_path: Path) -> None:
    y = np.zeros(88_200)
    y[5] = 1.0
    assert decode_bytes(wav(y, subtype="PCM_16"), tmp_path, suffix=".wav", min_samples=1).flags == ()


def test_the_largest_peak_has_a_spectrogram(tmp_path: Path) -> None:
    y = LARGEST_PEAK * np.sign(np.sin(np.arange(88_200) / 20))
    decoded = decode_bytes(wav(y), tmp_path, suffix=".wav", min_samples=1)
    S_db, ref_db = LogMel(44100, MEL)(decoded.samples * np.float32(decoded.scale))
    assert np.isfinite(S_db).all()
    assert np.isfinite(ref_db)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_a_spectrogram_that_is_not_finite_is_refused(value: float) -> None:
    y = noise().astype(np.float32)
    y[50_000] = value
    with pytest.raises(RejectedTrack) as caught:
        LogMel(44100, MEL)(y)
    assert caught.value.reason == Reason.NON_FINITE


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16", "MP3"])
def test_channels_that_cancel_give_the_loudest(subtype: str, tmp_path: Path) -> None:
    y = music(132_300, channels=1)[:, 0]
    stereo = np.stack([y, -1.0005 * y], axis=1)
    data = mp3(stereo, level=0.1) if subtype == "MP3" else wav(stereo, subtype=subtype)
    decoded = decode_bytes(data, tmp_path, suffix=f".{'mp3' if subtype == 'MP3' else 'wav'}", min_samples=1)
    assert decoded.flags == ("cancelled",)
    assert np.corrcoef(decoded.samples, -y)[0, 1] > (0.95 if subtype == "MP3" else 0.9999)


@pytest.mark.parametrize("right", [0.0, 0.99, 1.0, -0.99])
def test_channels_that_do_not_cancel_are_averaged(right: float, tmp_path: Path) -> None:
    y = noise()
    decoded = decode_bytes(wav(np.stack([y, right * y], axis=1)), tmp_path, suffix=".wav", min_samples=1)
    assert decoded.flags == ()
    assert decoded.scale * decoded.samples == pytest.approx((1 + right) / 2 * y, abs=0.51 * decoded.scale + 1e-7)


def test_each_excerpt_decides_for_itself(tmp_path: Path) -> None:
    y = np.stack([noise(), noise()], axis=1)
    y[44_100:, 1] *= -1
    path = tmp_path / "half.wav"
    path.write_bytes(wav(y))
    settings = SETTINGS.model_copy(update={"max_seconds": 1.0})
    first, second = decode_whole(path, settings=settings, min_samples=1)
    assert (first.flags, second.flags) == ((), ("cancelled",))
    assert second.scale * second.samples == pytest.approx(y[44_100:, 0], abs=0.51 * second.scale)


def peak_memory(path: Path) -> tuple[int, float, int]:
    """Run in a worker: decode, and say how much memory the process had at most, in bytes."""
    room = np.empty(most_samples(SETTINGS), dtype=np.int16)
    decoded = decode(path, expected_sha1=None, listed_sha1="", settings=SETTINGS, min_samples=1, out=room)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak = 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return len(decoded.samples), decoded.file_s, peak


def test_memory_depends_neither_on_the_length_nor_on_the_file_before(tmp_path: Path) -> None:
    (tmp_path / "song.wav").write_bytes(wav(music(30 * 44100), subtype="PCM_16"))
    many = np.tile(noise(96_000)[:, None], (1, 64))
    (tmp_path / "many channels.wav").write_bytes(wav(many, sr=192_000, subtype="PCM_16"))
    size = 20 * 60 * 44100 * 4  # bytes of twenty minutes, of which all but the header is a hole in the file
    with (tmp_path / "long.wav").open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt ")
        file.write(struct.pack("<IHHIIHH", 16, 1, 2, 44100, 176400, 4, 16) + b"data" + struct.pack("<I", size))
        file.truncate(44 + size)
    paths = [tmp_path / name for name in ("song.wav", "many channels.wav", "long.wav", "song.wav")]
    found = [outcome.result for outcome in map_isolated(peak_memory, paths, timeout_s=120, workers=1)]
    assert [result[:2] for result in found] == [(1_323_000, 30), (22_050, 0.5), (1_323_000, 1200), (1_323_000, 30)]
    assert found[-1][2] < found[0][2] + 48 * 2**20


def test_excerpts_of_a_long_file_are_read_where_they_lie(tmp_path: Path) -> None:
    y = noise(441_000) * np.linspace(0.1, 1, 441_000)
    (tmp_path / "long.wav").write_bytes(wav(y))
    settings = SETTINGS.model_copy(update={"max_seconds": 1.0})
    excerpts = decode_whole(tmp_path / "long.wav", settings=settings, min_samples=1)
    assert [excerpt.start_s for excerpt in excerpts] == list(range(10))
    for number, excerpt in enumerate(excerpts):
        expected = y[number * 44_100 :][:44_100]
        assert excerpt.scale * excerpt.samples == pytest.approx(expected, abs=0.51 * excerpt.scale)


def test_too_large_an_mp3_is_told_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "huge.mp3"
    with path.open("wb") as file:
        file.truncate((768 << 20) + 1)
    (outcome,) = map_isolated(peak_memory, [path], timeout_s=120, workers=1)
    assert isinstance(outcome.result, RejectedTrack)
    assert outcome.result.reason == Reason.TOO_LARGE
    assert "expected at most 805306368 bytes of an MP3: cut it into parts" in outcome.result.detail
