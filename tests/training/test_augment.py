"""Augmentations are drawn with their probabilities and ranges, in the order of the list, and stay in range."""

import numpy as np
import pytest

from fmagc.training.augment import ClipTransform, MelNoise, Noise, Stretch
from tests.support.augmentations import (
    FASTER,
    FRAMES,
    HOP,
    N_MELS,
    NOISE,
    STRETCH,
    TOP_DB,
    decibels,
    mel_power,
    music,
    only,
)


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
