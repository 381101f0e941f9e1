"""Time stretch keeps pitch and level of samples, and does to the mel what it does to the samples."""

import numpy as np
import pytest

from fmagc.audio.time_stretch import HOP as PIECE
from fmagc.audio.time_stretch import SEARCH_RADIUS, wsola
from fmagc.training.augment import MelNoise, Stretch
from tests.support.augmentations import FASTER, FRAMES, HOP, SLOWER, SR, decibels, mel_power, music


@pytest.mark.parametrize("frames_in", [SLOWER, FRAMES, FASTER])
def test_a_stretched_tone_keeps_frequency_and_level(frames_in: int) -> None:
    y = (0.5 * np.sin(2 * np.pi * 440 * np.arange(frames_in * HOP) / SR)).astype(np.float32)
    stretched = Stretch(frames_in=frames_in, frames_out=FRAMES).waveform(y)
    assert stretched.shape == (FRAMES * HOP,)
    inner = stretched[8192:-8192]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), n=2**20))
    assert np.argmax(spectrum) * SR / 2**20 == pytest.approx(440, abs=0.5)
    assert np.sqrt(2 * np.mean(inner**2)) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("frames_in", [SLOWER, FASTER])
def test_a_stretched_click_train_changes_its_period(frames_in: int) -> None:
    period, width = 16384, 64
    y = np.zeros(frames_in * HOP, np.float32)
    for start in range(period // 2, len(y), period):
        y[start : start + width] = np.hanning(width)
    stretch = Stretch(frames_in=frames_in, frames_out=FRAMES)
    energy = stretch.waveform(y) ** 2
    places = np.arange(period // 2, len(y), period) / stretch.rate
    spans = [np.arange(max(0, int(place - 4096)), min(len(energy), int(place + 4096))) for place in places]
    centres = [np.average(span, weights=energy[span]) for span in spans]
    np.testing.assert_allclose(centres, places, atol=SEARCH_RADIUS + PIECE * abs(1 - stretch.rate))  # as stated
    slope, _ = np.polyfit(np.arange(len(centres)), centres, 1)
    assert slope == pytest.approx(period / stretch.rate, rel=0.01)
    assert sum(energy[span].sum() for span in spans) > 0.99 * energy.sum()
    alone = np.sum(y[:period] ** 2)
    for span in spans:  # each attack comes once, as it was
        assert energy[span].sum() == pytest.approx(alone, rel=0.01)


@pytest.mark.parametrize("frames_in", [SLOWER, FASTER])
def test_stretch_keeps_the_level_of_music(frames_in: int) -> None:
    y = music(frames_in * HOP)
    stretched = Stretch(frames_in=frames_in, frames_out=FRAMES).waveform(y)
    assert 20 * np.log10(np.std(stretched) / np.std(y)) == pytest.approx(0, abs=0.8)  # librosa's loses 3 dB


def test_stretch_goes_through_digital_silence() -> None:
    y = music(FASTER * HOP)
    y[40_000:100_000] = 0
    stretched = Stretch(frames_in=FASTER, frames_out=FRAMES).waveform(y)
    assert np.isfinite(stretched).all()
    assert np.abs(stretched[36_000:76_000]).max() < 1e-6
    assert np.std(stretched[90_000:]) == pytest.approx(np.std(y[112_500:]), rel=0.2)
    silence = np.zeros(FASTER * HOP, np.float32)
    assert not wsola(silence, n_out=FRAMES * HOP).any()


@pytest.mark.parametrize("frames_in", [SLOWER, FASTER])
def test_stretch_of_noise_loses_no_more_than_stated(frames_in: int) -> None:
    y = np.random.default_rng(0).standard_normal(frames_in * HOP, dtype=np.float32)
    stretched = Stretch(frames_in=frames_in, frames_out=FRAMES).waveform(y)
    assert -1.25 < 20 * np.log10(np.std(stretched)) < 0.05


def test_stretch_of_samples_by_nothing_is_exact() -> None:
    y = music(FRAMES * HOP)
    assert np.array_equal(Stretch(frames_in=FRAMES, frames_out=FRAMES).waveform(y), y)


def test_any_length_of_output() -> None:
    y = music(50_000)
    for n_out in (40_001, 49_999, 62_500):
        assert wsola(y, n_out=n_out).shape == (n_out,)
        assert np.isfinite(wsola(y, n_out=n_out)).all()


def test_stretch_of_the_mel_by_nothing_is_exact(noise: MelNoise) -> None:
    S_db = decibels(mel_power(music(FRAMES * HOP)), ref_db=30)
    same = Stretch(frames_in=FRAMES, frames_out=FRAMES)
    assert np.array_equal(same.mel(S_db, ref_db=30, noise=noise), S_db)


@pytest.mark.parametrize("frames_in", [SLOWER, FRAMES, FASTER])
def test_stretch_of_the_mel_agrees_with_the_mel_of_the_stretch(frames_in: int, noise: MelNoise) -> None:
    y = music(frames_in * HOP)
    stretch = Stretch(frames_in=frames_in, frames_out=FRAMES)
    ref_db = float(10 * np.log10(mel_power(y).max()))
    expected = decibels(mel_power(stretch.waveform(y)), ref_db=ref_db)
    found = stretch.mel(decibels(mel_power(y), ref_db=ref_db), ref_db=ref_db, noise=noise)
    assert found.shape == expected.shape
    error = np.abs(found - expected)
    assert error.mean() < 1
    assert error[expected > -40].mean() < 0.8
    for frames in (-2, 2):  # the agreement is one in time
        assert error.mean() < 0.7 * np.abs(np.roll(found, frames, axis=0) - expected).mean()


@pytest.mark.parametrize("n", [1, 256, 1000, 2047])
def test_a_waveform_shorter_than_two_pieces_is_read_no_further_than_it_goes(n: int) -> None:
    y = np.random.default_rng(0).uniform(-1, 1, n).astype(np.float32)
    clips = [wsola(y, n_out=2 * n) for _ in range(5)]
    assert all(np.array_equal(clip, clips[0]) for clip in clips)
    assert np.abs(clips[0]).max() <= 1
