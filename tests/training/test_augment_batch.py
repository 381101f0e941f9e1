"""Each batch augmentation does to a known batch what its settings say, and the same in any number of processes."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from fmagc.dataset.batch import Batch, Scaler, View
from fmagc.devices.process_group import Processes, Share
from fmagc.params.training import FilterAugment, Mixup, SpecAugment
from fmagc.training.augment_batch import BatchAugment
from fmagc.training.filter_augment import draw_gains, filter_
from fmagc.training.mixup import Mix, draw_mix
from fmagc.training.spec_augment import draw_masks, mask_
from tests.support.hardware import CPU

MIXUP = Mixup(name="mixup", p=1.0, alpha=0.4, within_class=False)
WITHIN = MIXUP.model_copy(update={"within_class": True})
MASKS = SpecAugment(name="spec_augment", p=1.0, time_masks=2, max_frames=5, band_masks=1, max_bands=3)
FILTER = FilterAugment(name="filter_augment", p=1.0, max_db=6.0, min_segments=2, max_segments=4)

B, FRAMES, N_MELS, FACTOR = 8, 20, 12, 0.05
LABELS = np.array([0, 1, 2, 0, 1, 0, 0, 2])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def batch_of(rows: slice = slice(None)) -> Batch:
    """Make some clips of a batch of both views, whose normalisation halves samples and divides dB by 20."""
    made = torch.Generator().manual_seed(0)
    mel, waveform = torch.randn(B, FRAMES, N_MELS, generator=made), torch.randn(B, 64, generator=made)
    views = {
        "waveform": View(waveform[rows], Scaler(torch.tensor(0.5), torch.tensor(0.0))),
        "mel": View(mel[rows], Scaler(torch.full((N_MELS,), FACTOR), torch.zeros(N_MELS))),
    }
    ids = list(range(B))[rows]
    return Batch(views if ids else {}, torch.from_numpy(LABELS)[rows], ids)


def augmented(*settings: Any, epoch: int = 1, number: int = 1) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    return BatchAugment(settings, n_classes=3, seed=7, hardware=CPU)(batch_of(), epoch=epoch, number=number)


# --- mixup


def test_a_mix_is_the_weighted_mean_of_a_clip_and_its_partner() -> None:
    x = torch.tensor([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    mix = Mix(np.array([1, 2, 0]), np.array([0.0, 0.25, 1.0], np.float32))
    assert mix.apply(x, x, slice(None)).tolist() == [[1.0, 10.0], [2.5, 25.0], [1.0, 10.0]]


def test_both_views_and_the_targets_are_mixed_alike() -> None:
    plain, target = batch_of().on(CPU.device), torch.eye(3)[LABELS]
    mix = draw_mix(MIXUP, rng([7, 1, 1]), LABELS)
    views, soft = augmented(MIXUP)
    weights = torch.from_numpy(mix.weights)
    for mixed, clean in ((soft, target), (views["waveform"], plain["waveform"]), (views["mel"], plain["mel"])):
        w = weights.view(-1, *[1] * (clean.dim() - 1))
        torch.testing.assert_close(mixed, (1 - w) * clean + w * clean[mix.partners])
    assert soft.sum(dim=1).numpy() == pytest.approx(np.ones(B))
    assert not torch.equal(soft, target)


def test_partners_within_a_class_are_of_the_class_and_leave_the_targets() -> None:
    for seed in range(50):
        partners = draw_mix(WITHIN, rng(seed), LABELS).partners
        assert sorted(partners) == list(range(B))
        assert np.array_equal(LABELS[partners], LABELS)
    views, target = augmented(WITHIN)
    assert torch.equal(target, torch.eye(3)[LABELS])
    assert not torch.equal(views["mel"], batch_of().on(CPU.device)["mel"])


def test_weights_follow_beta_and_clips_are_chosen_with_their_probability() -> None:
    half = MIXUP.model_copy(update={"p": 0.5, "alpha": 2.0})
    weights = np.concatenate([draw_mix(half, rng(seed), LABELS).weights for seed in range(1000)])
    assert np.mean(weights > 0) == pytest.approx(0.5, abs=0.02)
    chosen = weights[weights > 0]
    assert chosen.mean() == pytest.approx(0.5, abs=0.01)
    assert chosen.var() == pytest.approx(1 / (4 * (2 * 2.0 + 1)), rel=0.05)  # of Beta(2, 2)


# --- masks


def test_a_mask_hides_whole_frames_and_whole_bands_at_exactly_zero() -> None:
    for seed in range(50):
        mel = torch.rand(B, FRAMES, N_MELS) + 1
        plain = mel.clone()
        mask_(mel, MASKS, draw_masks(MASKS, rng(seed), B))
        hidden = mel == 0
        frames, bands = hidden.all(dim=2), hidden.all(dim=1)
        assert torch.equal(hidden, frames[:, :, None] | bands[:, None, :])
        assert torch.equal(mel[~hidden], plain[~hidden])
        assert frames.sum(dim=1).max() <= 2 * MASKS.max_frames
        assert bands.sum(dim=1).max() <= MASKS.max_bands


def test_widths_and_places_of_masks_are_uniform() -> None:
    one = MASKS.model_copy(update={"time_masks": 1, "band_masks": 0})
    mel = torch.ones(20_000, FRAMES, N_MELS)
    mask_(mel, one, draw_masks(one, rng(), len(mel)))
    hidden = (mel[:, :, 0] == 0).numpy()
    widths = hidden.sum(axis=1)
    assert np.bincount(widths) / len(widths) == pytest.approx(np.full(6, 1 / 6), abs=0.01)
    starts = hidden[widths == 5].argmax(axis=1)
    assert np.bincount(starts) / len(starts) == pytest.approx(np.full(16, 1 / 16), abs=0.015)


def test_a_mask_is_no_longer_than_the_clip() -> None:
    long = MASKS.model_copy(update={"max_frames": 1000, "max_bands": 1000})
    mel = torch.ones(200, FRAMES, N_MELS)
    mask_(mel, long, draw_masks(long, rng(), len(mel)))
    assert (mel == 0).all(dim=2).sum(dim=1).max() == FRAMES


def test_clips_are_masked_with_their_probability() -> None:
    half = MASKS.model_copy(update={"p": 0.5, "time_masks": 20})
    mel = torch.ones(4000, FRAMES, N_MELS)
    mask_(mel, half, draw_masks(half, rng(), len(mel)))
    assert (mel == 0).any(dim=(1, 2)).float().mean() == pytest.approx(0.5, abs=0.03)


# --- filter


def test_gains_are_linear_between_the_ends_of_their_segments_and_within_their_limit() -> None:
    one = FILTER.model_copy(update={"min_segments": 1, "max_segments": 1})
    gains = draw_gains(one, rng(), 500, n_mels=N_MELS)
    assert np.abs(np.diff(gains, n=2, axis=1)).max() < 1e-5
    assert np.abs(gains).max() <= 6
    assert gains[:, 0].std() == pytest.approx(6 / np.sqrt(3), rel=0.1)  # uniform from -6 to 6
    bent = draw_gains(FILTER, rng(), 500, n_mels=1000)
    bends = (np.abs(np.diff(bent, n=2, axis=1)) > 1e-4).sum(axis=1)
    assert bends.max() <= 2 * (FILTER.max_segments - 1)  # a bend between two bands shows in two differences
    assert np.median(bends) >= FILTER.min_segments - 1


def test_gains_in_db_are_added_before_normalisation_would_be() -> None:
    mel, gains = torch.zeros(2, FRAMES, N_MELS), np.zeros((2, N_MELS), np.float32)
    gains[1, 3] = 6.0
    filter_(mel, gains, torch.full((N_MELS,), FACTOR))
    expected = torch.zeros_like(mel)
    expected[1, :, 3] = 6 * FACTOR
    torch.testing.assert_close(mel, expected)


def test_clips_are_filtered_with_their_probability() -> None:
    gains = draw_gains(FILTER.model_copy(update={"p": 0.25}), rng(), 2000, n_mels=N_MELS)
    assert np.any(gains, axis=1).mean() == pytest.approx(0.25, abs=0.04)


# --- a batch


def test_draws_follow_from_seed_epoch_and_number() -> None:
    first, again, other_epoch, other_number = (
        augmented(MIXUP, FILTER, MASKS, epoch=epoch, number=number)[0]["mel"]
        for epoch, number in ((2, 3), (2, 3), (3, 3), (2, 4))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other_epoch)
    assert not torch.equal(first, other_number)


def test_nothing_is_done_without_settings() -> None:
    views, target = augmented()
    plain = batch_of().on(CPU.device)
    assert all(torch.equal(views[name], plain[name]) for name in plain)
    assert target.tolist() == LABELS.tolist()


def test_a_network_of_waveforms_is_given_no_mask() -> None:
    batch = batch_of()
    alone = Batch({"waveform": batch.views["waveform"]}, batch.target, batch.track_ids)
    views, _ = BatchAugment([MASKS, FILTER], n_classes=3, seed=7, hardware=CPU)(alone, epoch=1, number=1)
    assert torch.equal(views["waveform"], batch.on(CPU.device)["waveform"])


@pytest.mark.parametrize("of", [2, 3, 9])  # of 9 processes, one has no clip
def test_the_clips_of_several_processes_are_those_of_one(of: int) -> None:
    expected, expected_target = augmented(FILTER, MIXUP, MASKS)
    parts = [Share(rank, of).shard_batch(np.arange(B)) for rank in range(of)]
    filtered = augmented(FILTER)[0] | {"target": torch.eye(3)[LABELS]}

    class Together(Processes):
        def all_gather(self, value: Any) -> list[Any]:
            return [LABELS[part].tolist() for part in parts]

        def all_gather_rows(self, tensors: Any) -> dict[str, torch.Tensor]:
            return filtered

    for rank, part in enumerate(parts):
        hardware = SimpleNamespace(device=CPU.device, processes=Together(Share(rank, of), device=CPU.device))
        augment = BatchAugment([FILTER, MIXUP, MASKS], n_classes=3, seed=7, hardware=hardware)  # type: ignore[arg-type]
        views, target = augment(batch_of(slice(part[0], part[-1] + 1) if len(part) else slice(0)), epoch=1, number=1)
        assert set(views) == (set(expected) if len(part) else set())
        assert all(torch.equal(value, expected[name][part]) for name, value in views.items())
        assert not len(part) or torch.equal(target, expected_target[part])
