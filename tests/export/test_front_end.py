"""The front end as exportable operations gives what the cache holds."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from fmagc.audio.log_mel import AMIN
from fmagc.audio.mel_filterbank import hann, mel_filterbank
from fmagc.audio.quantise import quantise
from fmagc.export.front_end import LogMel, to_grid
from fmagc.params.signal import Mel, Waveform
from tests.support.audio_files import music

SR = 44_100


def settings(n_fft: int, hop_length: int, *, n_mels: int = 40, fmin: float = 0.0, fmax: float | None = None) -> Mel:
    return Mel(n_fft=n_fft, hop_length=hop_length, n_mels=n_mels, fmin=fmin, fmax=fmax, top_db=80.0)


def reference(y: NDArray[np.float32], mel: Mel) -> NDArray[np.float32]:
    """Compute what the cache holds by NumPy's transform, in float64 up to the storage."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(y, mel.n_fft // 2), mel.n_fft)[:: mel.hop_length]
    power = np.abs(np.fft.rfft(frames * hann(mel.n_fft).astype(np.float64))) ** 2
    S_db = 10 * np.log10(np.maximum(power @ mel_filterbank(SR, mel).T, AMIN))
    return np.maximum(S_db - S_db.max(), -mel.top_db)[:-1].astype(np.float16).astype(np.float32)


@pytest.mark.parametrize(
    "mel",
    [
        settings(4096, 1024, n_mels=128),
        settings(2048, 512),
        settings(1024, 441, fmin=50.0, fmax=16_000.0),  # a hop that divides nothing
        settings(64, 100, n_mels=8),  # samples between frames that no frame sees
    ],
    ids=lambda mel: f"{mel.n_fft}-{mel.hop_length}",
)
@pytest.mark.parametrize("n", [33_333, 2048, 1024])  # the last two are shorter than a frame, or as long
def test_a_spectrogram_is_that_of_the_cache(mel: Mel, n: int) -> None:
    y = music(n, channels=1)[:, 0].astype(np.float32)
    expected = reference(y, mel)
    with torch.inference_mode():
        found = LogMel(SR, mel)(torch.from_numpy(y)).numpy()
    assert found.shape == expected.shape == (n // mel.hop_length, mel.n_mels)
    steps = np.abs(np.spacing(expected.astype(np.float16)).astype(np.float32))
    assert (np.abs(found - expected) <= steps).all()  # a step of float16 where rounding tips over
    assert (found != expected).mean() < 0.01


def test_silence_is_0_db_everywhere() -> None:
    mel = settings(2048, 512)
    with torch.inference_mode():
        found = LogMel(SR, mel)(torch.zeros(10_000)).numpy()
    np.testing.assert_array_equal(found, np.zeros((19, 40), dtype=np.float32))


@pytest.mark.parametrize("n_fft", [64, 128, 2048, 4096])
def test_each_bin_has_its_weights_once(n_fft: int) -> None:
    mel = settings(n_fft, 512, n_mels=16)
    found = LogMel(SR, mel)._filterbank().numpy()
    np.testing.assert_allclose(found.sum(axis=0), mel_filterbank(SR, mel).sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("level", [0.3, 1.0, 7.0, 1e-6, 2.0**-25, 0.0])
def test_samples_are_rounded_as_the_cache_rounds_them(level: float) -> None:
    y = np.float32(level) * np.random.default_rng(0).uniform(-1, 1, 10_000).astype(np.float32)
    waveform = Waveform(sample_rate=SR, max_seconds=3.0)
    samples, scale, _ = quantise(
        y.copy(), sr=SR, settings=waveform, min_samples=1, out=np.empty(len(y), dtype=np.int16)
    )
    integers, found = to_grid(torch.from_numpy(y))
    np.testing.assert_array_equal(integers.numpy(), samples.astype(np.float32))
    assert float(found) == pytest.approx(scale, rel=1e-6)
    again, _ = to_grid(integers * found)
    np.testing.assert_array_equal(again.numpy(), integers.numpy())
