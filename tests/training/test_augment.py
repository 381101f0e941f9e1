"""Each augmentation does to a signal what its settings say, and does it to both views alike."""

from functools import lru_cache

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.audio.time_stretch import HOP as PIECE
from fmagc.audio.time_stretch import SEARCH_RADIUS, wsola
from fmagc.params.training import Augmentation, GaussianNoise, TimeStretch
from fmagc.training.augment import TABLE_SAMPLES, ClipTransform, MelNoise, Noise, Stretch, sample

Array = NDArray[np.float32]

SR, HOP, N_FFT, N_MELS, TOP_DB = 44100, 1024, 4096, 128, 80.0
FRAMES = 128  # a clip of 3 s: a quarter of the published one
SLOWER, FASTER = 103, 160  # frames of the window for rates of about 0.8 and exactly 1.25
AMPLITUDE = 0.01

STRETCH = TimeStretch(name="time_stretch", p=1.0, min_rate=0.8, max_rate=1.25)
NOISE = GaussianNoise(name="gaussian_noise", p=1.0, min_amplitude=0.001, max_amplitude=0.015)


@lru_cache
def mel_noise() -> MelNoise:
    """White noise in librosa's mel bands, from first principles: each bin's power is the window's energy."""
    bank = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS).astype(np.float64)
    window = librosa.filters.get_window("hann", N_FFT)
    energy = np.sum(window**2)
    coherence = np.abs(np.fft.fft(window**2) / energy) ** 2  # between the powers of bins so far apart
    variance = np.sum(bank**2, axis=1)
    for lag in (1, 2):
        variance += 2 * coherence[lag] * np.sum(bank[:, lag:] * bank[:, :-lag], axis=1)
    return MelNoise(
        band_power=bank.sum(axis=1) * energy, effective_bins=bank.sum(axis=1) ** 2 / variance, top_db=TOP_DB
    )


@pytest.fixture
def noise() -> MelNoise:
    return mel_noise()


def mel_power(y: Array) -> Array:
    """Librosa's mel power, time-major, without the last frame, as the cache has it."""
    S = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS)
    return S.T[: len(y) // HOP]


def decibels(S: Array, *, ref_db: float) -> Array:
    S_db = 10 * np.log10(np.maximum(S, 1e-10)) - ref_db
    return np.maximum(S_db, -TOP_DB).astype(np.float32)


@lru_cache
def longest_music() -> Array:
    rng = np.random.default_rng(3)
    t = np.arange(FASTER * HOP) / SR
    y = 1e-3 * rng.standard_normal(len(t))
    for k, root in enumerate((220.0, 293.7, 246.9, 329.6, 196.0, 261.6, 220.0)):
        start = SR * k // 2
        since = t[: len(t) - start]
        for ratio in (1, 1.25, 1.5):
            for partial in range(1, 9):
                tone = np.sin(2 * np.pi * root * ratio * partial * since) * np.exp(-3 * since) / partial
                y[start:] += 0.08 * tone
    return y.astype(np.float32)


def music(n: int) -> Array:
    """Plucked chords of decaying partials, one each half second, over a faint hiss."""
    return longest_music()[:n].copy()


def only(
    *settings: Augmentation, seed: int = 0, available: int = 10 * FRAMES, noise: MelNoise | None = None
) -> ClipTransform:
    rng = np.random.default_rng(seed)
    return sample(settings, rng, frames=FRAMES, available=available, noise=noise or mel_noise())


# --- the plan


def test_draws_are_reproducible_and_so_are_their_bytes(noise: MelNoise) -> None:
    plans = [only(STRETCH, NOISE, seed=5) for _ in range(2)]
    assert plans[0] == plans[1]
    y = music(plans[0].frames * HOP)
    S_db = decibels(mel_power(y), ref_db=30)
    assert plans[0].waveform(y).tobytes() == plans[1].waveform(y).tobytes()
    mels = [plan.mel(S_db, ref_db=30) for plan in plans]
    assert mels[0].tobytes() == mels[1].tobytes()
    assert only(STRETCH, NOISE, seed=6) != plans[0]


def test_never_and_always(noise: MelNoise) -> None:
    never = [setting.model_copy(update={"p": 0.0}) for setting in (STRETCH, NOISE)]
    y, S_db = music(FRAMES * HOP), np.full((FRAMES, N_MELS), -7, np.float32)
    for seed in range(200):
        plan = only(*never, seed=seed)
        assert plan == ClipTransform(frames=FRAMES, operations=(), noise=noise)
        assert len(only(STRETCH, NOISE, seed=seed).operations) == 2
    assert np.array_equal(plan.waveform(y), y)
    assert np.array_equal(plan.mel(S_db, ref_db=0), S_db)


def test_each_is_chosen_with_its_own_probability_whatever_the_other() -> None:
    settings = [STRETCH.model_copy(update={"p": 0.5}), NOISE.model_copy(update={"p": 0.25})]
    names = [tuple(type(o) for o in only(*settings, seed=seed).operations) for seed in range(2000)]
    assert np.mean([Stretch in n for n in names]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([Noise in n for n in names]) == pytest.approx(0.25, abs=0.05)
    assert np.mean([Noise in n and Stretch in n for n in names]) == pytest.approx(0.125, abs=0.04)


def test_parameters_fill_their_ranges() -> None:
    operations = [only(STRETCH, NOISE, seed=seed).operations for seed in range(500)]
    rates = [o.rate for pair in operations for o in pair if isinstance(o, Stretch)]
    amplitudes = [o.amplitude for pair in operations for o in pair if isinstance(o, Noise)]
    for values, low, high in ((rates, 0.8, 1.25), (amplitudes, 0.001, 0.015)):
        step = 0.5 / FRAMES if values is rates else 0.0  # rates are whole frames
        assert low - step <= min(values) < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < max(values) <= high + step
        assert np.mean(values) == pytest.approx((low + high) / 2, abs=0.05 * (high - low))


def test_a_short_track_limits_the_rate_upward_only() -> None:
    frames = [only(STRETCH, seed=seed, available=FRAMES + 5).frames for seed in range(300)]
    assert max(frames) == FRAMES + 5
    assert min(frames) <= 0.82 * FRAMES
    quick = STRETCH.model_copy(update={"min_rate": 1.2})
    assert {only(quick, seed=seed, available=FRAMES).frames for seed in range(20)} == {FRAMES}


def test_the_order_is_that_of_the_list(noise: MelNoise) -> None:
    first, second = only(NOISE, STRETCH), only(STRETCH, NOISE)
    assert [type(o) for o in first.operations] == [Noise, Stretch]
    assert [type(o) for o in second.operations] == [Stretch, Noise]
    for plan in (first, second):
        y = music(plan.frames * HOP)
        S_db = decibels(mel_power(y), ref_db=30)
        expected_y, expected_S = y, S_db
        for operation in plan.operations:
            expected_y = operation.waveform(expected_y)
            expected_S = operation.mel(expected_S, ref_db=30, noise=noise)
        assert plan.waveform(y).shape == (FRAMES * HOP,)
        assert np.array_equal(plan.waveform(y), expected_y)
        assert np.array_equal(plan.mel(S_db, ref_db=30), expected_S)


def test_two_stretches_read_the_window_of_both() -> None:
    plan = only(STRETCH, STRETCH, seed=1, available=150)
    assert plan.frames <= 150
    assert plan.waveform(music(plan.frames * HOP)).shape == (FRAMES * HOP,)


def test_the_window_stays_as_it_is(noise: MelNoise) -> None:
    plan = only(NOISE, STRETCH, NOISE)
    y = music(plan.frames * HOP)
    S_db = decibels(mel_power(y), ref_db=30)
    y.setflags(write=False)
    S_db.setflags(write=False)
    assert plan.waveform(y).dtype == np.float32
    assert plan.mel(S_db, ref_db=30).dtype == np.float32


# --- time stretch


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


# --- noise


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


@pytest.mark.parametrize("level_db", [0.0, -TOP_DB])
@pytest.mark.parametrize("ref_db", [-100.0, 0.0])
def test_a_silent_track_with_noise_stays_finite_and_in_range(level_db: float, ref_db: float, noise: MelNoise) -> None:
    silent = np.full((FASTER, N_MELS), level_db, np.float32)
    for settings in ([NOISE], [STRETCH], [NOISE, STRETCH], [STRETCH, NOISE, NOISE]):
        plan = only(*settings)
        S_db = plan.mel(silent[: plan.frames], ref_db=ref_db)
        assert S_db.shape == (FRAMES, N_MELS)
        assert np.isfinite(S_db).all()
        assert S_db.max() <= 0
        assert S_db.min() >= -TOP_DB


def test_a_band_without_a_bin_keeps_its_value(noise: MelNoise) -> None:
    band_power, effective_bins = noise.band_power.copy(), noise.effective_bins.copy()
    band_power[0] = effective_bins[0] = 0
    hollow = MelNoise(band_power=band_power, effective_bins=effective_bins, top_db=TOP_DB)
    S_db = np.full((FRAMES, N_MELS), -60, np.float32)
    lifted = only(NOISE, noise=hollow).mel(S_db, ref_db=35)
    np.testing.assert_allclose(lifted[:, 0], -60, atol=1e-4)
    assert (lifted[:, 1:] > -60).all()


@pytest.mark.parametrize("n", [1, 256, 1000, 2047])
def test_a_waveform_shorter_than_two_pieces_is_read_no_further_than_it_goes(n: int) -> None:
    y = np.random.default_rng(0).uniform(-1, 1, n).astype(np.float32)
    clips = [wsola(y, n_out=2 * n) for _ in range(5)]
    assert all(np.array_equal(clip, clips[0]) for clip in clips)
    assert np.abs(clips[0]).max() <= 1
