"""Against librosa itself, and against noise that is really drawn."""

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.audio.log_mel import AMIN, LogMel
from fmagc.audio.mel_filterbank import hann, mel_filterbank
from fmagc.params.signal import Mel, n_frames
from tests.support.audio_files import music

SR = 44100
SETTINGS = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
N = 200_000  # not a multiple of the hop, more than one block of frames


def click(position: int) -> NDArray[np.float32]:
    y = np.zeros(N, dtype=np.float32)
    y[position] = 1
    return y


SIGNALS = {
    "music": music(N, channels=1)[:, 0].astype(np.float32),
    "silence": np.zeros(N, dtype=np.float32),
    "tone": np.sin(2 * np.pi * 1000 * np.arange(N) / SR).astype(np.float32),
    "click": click(N // 2),
    "click at the start": click(0),
    "click in the dropped frame": click(N - 1),
    "noise": np.random.default_rng(0).standard_normal(N).astype(np.float32),
    "whisper": (1e-6 * np.random.default_rng(0).standard_normal(N)).astype(np.float32),
}


def librosas(y: NDArray[np.float32], settings: Mel) -> tuple[NDArray[np.float32], float]:
    power = librosa.feature.melspectrogram(
        y=y,
        sr=SR,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length,
        n_mels=settings.n_mels,
        fmin=settings.fmin,
        fmax=settings.fmax,
    )
    S_db = librosa.power_to_db(power, ref=np.max, top_db=settings.top_db)
    return S_db[:, :-1].T, float(10 * np.log10(max(AMIN, power.max())))


@pytest.mark.parametrize("name", SIGNALS)
def test_equals_librosa(name: str) -> None:
    S_db, ref_db = LogMel(SR, SETTINGS)(SIGNALS[name])
    expected, expected_ref = librosas(SIGNALS[name], SETTINGS)
    assert S_db.dtype == np.float32
    assert S_db.shape == expected.shape == (N // 1024, 128)
    assert np.abs(S_db - expected).max() < 1e-3
    assert ref_db == pytest.approx(expected_ref, abs=1e-3)


def test_stored_samples_need_no_copy_as_floats() -> None:
    samples = np.random.default_rng(2).integers(-32767, 32767, N, endpoint=True, dtype=np.int16)
    for scale in (1 / 32767, 3.3e-5, 1e-9, 2.0**25):
        S_db, ref_db = LogMel(SR, SETTINGS)(samples, scale=scale)
        expected, expected_ref = LogMel(SR, SETTINGS)(samples * np.float32(scale))
        assert ref_db == expected_ref
        np.testing.assert_array_equal(S_db, expected)


@pytest.mark.slow  # each length is compiled
@pytest.mark.filterwarnings("ignore:Empty filters detected")
@pytest.mark.parametrize(("n_fft", "hop_length"), [(64, 100), (128, 64), (512, 300), (1024, 1000)])
def test_equals_librosa_with_other_settings(n_fft: int, hop_length: int) -> None:
    settings = Mel(n_fft=n_fft, hop_length=hop_length, n_mels=20, fmin=50.0, fmax=8000.0, top_db=60.0)
    y = SIGNALS["music"][: 99 * 300 + 7]
    S_db, _ = LogMel(SR, settings)(y)
    expected, _ = librosas(y, settings)
    assert S_db.shape == expected.shape
    assert np.abs(S_db - expected).max() < 1e-3


@pytest.mark.parametrize("changes", [{}, {"n_fft": 2000, "n_mels": 20, "fmin": 1500.0, "fmax": 9000.0}])
def test_the_filterbank_is_librosas(changes: dict[str, float]) -> None:
    settings = SETTINGS.model_copy(update=changes)
    expected = librosa.filters.mel(
        sr=SR, n_fft=settings.n_fft, n_mels=settings.n_mels, fmin=settings.fmin, fmax=settings.fmax
    )
    np.testing.assert_allclose(mel_filterbank(SR, settings), expected, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(hann(settings.n_fft), librosa.filters.get_window("hann", settings.n_fft), atol=1e-7)


def test_silence_is_zero_db_at_the_least_power() -> None:
    S_db, ref_db = LogMel(SR, SETTINGS)(SIGNALS["silence"])
    assert not S_db.any()
    assert ref_db == pytest.approx(-100, abs=1e-4)


def test_ref_db_gives_back_the_absolute_power() -> None:
    y = SIGNALS["music"]
    loud, ref_loud = LogMel(SR, SETTINGS)(y)
    soft, ref_soft = LogMel(SR, SETTINGS)(y / 10)
    assert ref_loud - ref_soft == pytest.approx(20, abs=1e-3)
    assert np.abs(loud - soft).max() < 1e-2


def test_the_dropped_frame_counts_for_the_maximum() -> None:
    y = np.random.default_rng(0).standard_normal(20 * 1024).astype(np.float32) * 0.01
    y[-1] = 1  # in the middle of the window of frame 20, which is dropped, at the edge of frame 19's
    S_db, _ = LogMel(SR, SETTINGS)(y)
    assert S_db.shape == (20, 128)
    assert S_db.max() < -0.1


def test_a_clip_has_512_frames() -> None:
    assert n_frames(2**19, hop_length=1024) == 512
    assert n_frames(1023, hop_length=1024) == 0
    assert LogMel(SR, SETTINGS)(np.ones(1023, dtype=np.float32))[0].shape == (0, 128)


def test_noise_band_power_and_its_spread() -> None:
    log_mel = LogMel(SR, SETTINGS)
    S_db, ref_db = log_mel(np.random.default_rng(1).standard_normal(2**21).astype(np.float32))
    power = 10 ** ((S_db[4:-4].astype(np.float64) + ref_db) / 10)
    mean = power.mean(axis=0)
    assert mean / log_mel.noise_band_power() == pytest.approx(np.ones(128), rel=0.08)
    assert mean.sum() == pytest.approx(log_mel.noise_band_power().sum(), rel=0.01)
    shape = mean**2 / power.var(axis=0)  # of the gamma variate that has this mean and variance
    assert np.median(log_mel.effective_bins / shape) == pytest.approx(1, rel=0.1)


def test_effective_bins_of_an_empty_band_is_zero() -> None:
    log_mel = LogMel(SR, Mel(n_fft=256, hop_length=64, n_mels=128, fmin=0.0, fmax=None, top_db=80.0))
    assert log_mel.effective_bins.min() == 0
    assert log_mel.effective_bins.max() >= 1
