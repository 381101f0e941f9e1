"""Normalisation: equal to two passes in float64, whatever the order; bands without spread; training rows alone."""

import numpy as np
import pandas as pd
import pytest

from fmagc.cache.clip_positions import clip_table
from fmagc.cache.clip_starts import evenly_spaced
from fmagc.cache.moments import Moments, integer_sums
from fmagc.cache.normalisation import LEAST_SPREAD_DB, Normalisation


def test_merged_moments_equal_two_passes() -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(-60, 7, (n, 4)) for n in (1, 10, 3000)]
    whole = np.concatenate(parts)
    for order in (parts, parts[::-1]):
        merged = Moments.merged(Moments.of(part) for part in order)
        np.testing.assert_allclose(merged.mean, whole.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(merged.std, whole.std(axis=0), rtol=1e-9)


def test_small_spread_on_a_large_offset_is_not_lost() -> None:
    x = 100 + 1e-3 * np.random.default_rng(1).standard_normal((50_000, 1)).astype(np.float32)
    np.testing.assert_allclose(Moments.of(x).std, x.astype(np.float64).std(axis=0), rtol=1e-6)


def test_waveform_moments_are_those_of_the_scaled_samples() -> None:
    samples = np.random.default_rng(2).integers(-32767, 32767, 100_000).astype(np.int16)
    y = samples.astype(np.float64) * 3.1e-5
    total, squares = integer_sums(samples)
    moments = Moments.of_integers(len(samples), total=total, squares=squares, scale=3.1e-5)
    np.testing.assert_allclose(moments.mean, [y.mean()], rtol=1e-12)
    np.testing.assert_allclose(moments.std, [y.std()], rtol=1e-12)


def test_a_band_without_spread_gets_scale_1_and_is_reported() -> None:
    S_db = np.random.default_rng(3).normal(-40, 10, (500, 3)).astype(np.float16)
    S_db[:, 1] = -80
    S_db[:, 2] = -80 + 0.03 * (np.arange(500) % 2)  # the step of storage, not of music
    found = Normalisation.from_moments(Moments.of(S_db), least_spread=LEAST_SPREAD_DB)
    assert found.without_spread == [1, 2]
    assert found.scale_[1:] == [1.0, 1.0]
    assert found.scale_[0] == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("n_frames", "n_clips", "starts"), [(512, 3, [0, 0, 0]), (600, 1, [44]), (1290, 3, [0, 389, 778]), (514, 2, [0, 2])]
)
def test_clips_cover_a_track_from_end_to_end(n_frames: int, n_clips: int, starts: list[int]) -> None:
    assert evenly_spaced(n_frames, clip_frames=512, n_clips=n_clips) == starts


@pytest.mark.parametrize(
    ("n_frames", "overlap", "starts"),
    [
        (128, 0.0, [0]),
        (129, 0.0, [0, 1]),
        (256, 0.0, [0, 128]),
        (257, 0.0, [0, 64, 129]),
        (256, 0.5, [0, 64, 128]),
        (256, 0.75, [0, 32, 64, 96, 128]),
        (130, 0.999, [0, 1, 2]),  # a step of a frame, at least
    ],
)
def test_patches_cover_a_track_from_end_to_end(n_frames: int, overlap: float, starts: list[int]) -> None:
    assert evenly_spaced(n_frames, clip_frames=128, overlap=overlap) == starts


def test_neighbouring_patches_share_what_was_asked_for_and_no_more_are_read_than_need_be() -> None:
    rng = np.random.default_rng(0)
    for _ in range(500):
        clip_frames, overlap = int(rng.integers(1, 200)), float(rng.choice([0, 0.1, 0.25, 0.3, 0.5, 0.8, 0.9]))
        n_frames = clip_frames + int(rng.integers(0, 2000))
        starts = evenly_spaced(n_frames, clip_frames=clip_frames, overlap=overlap)
        assert (starts[0], starts[-1]) == (0, n_frames - clip_frames) if len(starts) > 1 else n_frames == clip_frames
        steps = np.diff(starts)
        step = max(1, round(clip_frames * (1 - overlap), 6) // 1)
        assert (steps <= step).all()
        assert (len(starts) - 2) * step < n_frames - clip_frames or len(starts) == 1


def test_each_track_gets_as_many_patches_as_cover_it() -> None:
    tracks = pd.DataFrame({"track_id": [2, 5], "label": [0, 1], "n_frames": [256, 128]})
    clips = clip_table(tracks, clip_frames=128, n_clips=None)
    assert clips[["track_id", "clip", "start"]].to_numpy().tolist() == [[2, 0, 0], [2, 1, 128], [5, 0, 0]]
    random = clip_table(tracks, clip_frames=128, n_clips=None, crop="random", seed=3)
    assert random[["track_id", "clip"]].to_numpy().tolist() == [[2, 0], [2, 1], [5, 0]]
    two = clip_table(tracks, clip_frames=128, n_clips=2, crop="random", seed=3)
    assert random["start"].tolist() == two["start"].tolist()[:3]


def test_clip_table_numbers_the_clips_of_each_track() -> None:
    tracks = pd.DataFrame({"track_id": [2, 5], "label": [0, 1], "n_frames": [512, 1536]})
    clips = clip_table(tracks, clip_frames=512, n_clips=2)
    assert clips[["track_id", "clip", "start"]].to_numpy().tolist() == [[2, 0, 0], [2, 1, 0], [5, 0, 0], [5, 1, 1024]]


def test_random_clips_lie_anywhere_and_depend_on_seed_and_track_alone() -> None:
    tracks = pd.DataFrame({"track_id": range(400), "n_frames": 600})
    options = {"clip_frames": 512, "n_clips": 1, "crop": "random"}
    starts = clip_table(tracks, **options, seed=3)["start"]
    assert (starts.min(), starts.max()) == (0, 88)
    assert starts.nunique() > 80
    some = tracks.iloc[[7, 200]].reset_index(drop=True)
    assert clip_table(some, **options, seed=3)["start"].tolist() == starts[[7, 200]].tolist()
    assert (clip_table(tracks, **options, seed=4)["start"] != starts).mean() > 0.9
    three = clip_table(tracks, clip_frames=512, n_clips=3, crop="random", seed=3)
    assert three[three["clip"] == 0]["start"].tolist() == starts.tolist()  # more clips are further ones
