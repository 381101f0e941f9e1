"""Noise has the level drawn in samples and in the mel, over silence and over music."""

import numpy as np
import pytest

from fmagc.training.augment import TABLE_SAMPLES, MelNoise, Noise
from tests.support.augmentations import AMPLITUDE, FRAMES, HOP, N_MELS, NOISE, TOP_DB, decibels, mel_power, music, only


def test_noise_on_samples_has_the_amplitude_drawn() -> None:
    y = music(FRAMES * HOP)
    added = Noise(amplitude=AMPLITUDE, places=(0.3, 0.8)).waveform(y) - y
    assert np.std(added) == pytest.approx(AMPLITUDE, rel=0.02)
    assert np.mean(added) == pytest.approx(0, abs=3 * AMPLITUDE / np.sqrt(len(y)))
    power = np.abs(np.fft.rfft(added)) ** 2
    assert power[: len(power) // 2].mean() == pytest.approx(power[len(power) // 2 :].mean(), rel=0.05)  # white


def test_noise_differs_by_its_places_in_both_views(noise: MelNoise) -> None:
    silence, silent = np.zeros(FRAMES * HOP, np.float32), np.full((FRAMES, N_MELS), -TOP_DB, np.float32)
    operations = [Noise(amplitude=AMPLITUDE, places=places) for places in ((0.1, 0.2), (0.5, 0.7), (0.1, 0.7))]
    by_wave = [operation.waveform(silence) for operation in operations]
    by_mel = [operation.mel(silent, ref_db=35, noise=noise).ravel() for operation in operations]
    for views, shared in ((by_wave, 0.5), (by_mel, 0.5)):  # a window of one table in common is half of the noise
        correlation = np.corrcoef(views)
        assert abs(correlation[0, 1]) < 0.05
        assert correlation[0, 2] == pytest.approx(shared, abs=0.05)


def test_noise_is_longer_than_its_tables_where_the_clip_is(noise: MelNoise) -> None:
    y = np.zeros(TABLE_SAMPLES + 5, np.float32)
    added = Noise(amplitude=AMPLITUDE, places=(0.3, 0.8)).waveform(y)
    assert np.std(added) == pytest.approx(AMPLITUDE, rel=0.02)


def test_noise_lifts_silence_to_the_expected_level_in_both_views(noise: MelNoise) -> None:
    operation, ref_db = Noise(amplitude=AMPLITUDE, places=(0.3, 0.8)), 35.0
    expected_db = 10 * np.log10(AMPLITUDE**2 * noise.band_power)
    by_wave = mel_power(operation.waveform(np.zeros(FRAMES * HOP, np.float32)))
    silent = np.full((FRAMES, N_MELS), -TOP_DB, np.float32)
    by_mel = 10 ** ((operation.mel(silent, ref_db=ref_db, noise=noise) + ref_db) / 10)
    for power in (by_wave, by_mel):
        error_db = 10 * np.log10(power.mean(axis=0)) - expected_db
        assert abs(error_db.mean()) < 0.2
        assert np.abs(error_db).max() < 1.2  # a low band has one bin, and 128 frames
    fluctuation = [power.std(axis=0) / power.mean(axis=0) for power in (by_wave, by_mel)]
    np.testing.assert_allclose(fluctuation[1], noise.effective_bins**-0.5, rtol=0.3)
    np.testing.assert_allclose(fluctuation[1], fluctuation[0], rtol=0.4)


def test_noise_over_music_agrees_in_both_views(noise: MelNoise) -> None:
    operation, y = Noise(amplitude=AMPLITUDE, places=(0.3, 0.8)), music(FRAMES * HOP)
    ref_db = float(10 * np.log10(mel_power(y).max()))
    clean = decibels(mel_power(y), ref_db=ref_db)
    by_wave = decibels(mel_power(operation.waveform(y)), ref_db=ref_db)
    by_mel = operation.mel(clean, ref_db=ref_db, noise=noise)
    assert np.abs(by_wave - clean).mean() > 5  # there was something to agree on
    assert abs((by_mel - by_wave).mean()) < 0.2
    assert np.abs((by_mel - by_wave).mean(axis=0)).max() < 1
    assert np.abs(by_mel - by_wave).mean() < 1.5


def test_a_band_without_a_bin_keeps_its_value(noise: MelNoise) -> None:
    band_power, effective_bins = noise.band_power.copy(), noise.effective_bins.copy()
    band_power[0] = effective_bins[0] = 0
    hollow = MelNoise(band_power=band_power, effective_bins=effective_bins, top_db=TOP_DB)
    S_db = np.full((FRAMES, N_MELS), -60, np.float32)
    lifted = only(NOISE, noise=hollow).mel(S_db, ref_db=35)
    np.testing.assert_allclose(lifted[:, 0], -60, atol=1e-4)
    assert (lifted[:, 1:] > -60).all()
