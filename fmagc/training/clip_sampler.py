"""The trainer's random clips for `ClipDataset`: its augmentations and its batches."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fmagc.cache.feature_cache import FeatureCache
from fmagc.dataset.clip_dataset import Clip, ClipDataset
from fmagc.errors import format_value, require_at_least
from fmagc.params.base import Block, validated
from fmagc.params.training import Augmentation
from fmagc.training.augment import ClipTransform, sample
from fmagc.training.batches import RandomBatches, mel_noise

__all__ = ["Augment", "TrainerBatches"]


class _Augmentations(Block):
    settings: list[Augmentation]


class Augment:
    """The trainer's augmentations, drawn again for each random clip.

    It is the ``augment`` of `fmagc.ClipDataset` and of `fmagc.TrainerBatches`.

    Parameters
    ----------
    cache : FeatureCache
        Of the clips: noise on spectrograms depends on their settings.
    settings : sequence of mapping
        As ``train.augment`` in params.yaml, in the order in which they act.

    Raises
    ------
    SettingsError
        When a setting is not as params.yaml takes it.

    Examples
    --------
    >>> import fmagc
    >>> noise = {"name": "gaussian_noise", "p": 0.5, "min_amplitude": 0.001, "max_amplitude": 0.015}
    >>> cache = fmagc.open_cache("data")
    >>> train = fmagc.ClipDataset(cache, augment=fmagc.Augment(cache, settings=[noise]))
    """

    def __init__(self, cache: FeatureCache, *, settings: Sequence[Mapping[str, Any] | Augmentation]) -> None:
        self.settings = validated(_Augmentations, "fmagc.Augment", settings=list(settings)).settings
        self._noise = mel_noise(cache.mel, sr=cache.sample_rate)

    def __call__(self, rng: np.random.Generator, frames: int, available: int) -> ClipTransform | None:
        """Draw the transform of a clip of a number of frames from a track of `available` frames."""
        transform = sample(self.settings, rng, frames=frames, available=available, noise=self._noise)
        return transform if transform.operations else None


class TrainerBatches:
    """The batches on which the stage train fits a network, as the ``batch_sampler`` of a stock DataLoader.

    One random clip of every track, in random order, in batches as equal in size as can be, and that `dataset.n_clips`
    times: for the same protocol, seed, clips, batch size, augmentations and epoch, the clips are those of the trainer,
    in its order.

    Parameters
    ----------
    dataset : ClipDataset
        The clips to choose from; its seed counts, its own random clips and ``augment`` do not.
    batch_size : int > 0
        At most.
    augment : Augment, optional

    Raises
    ------
    ValueError, TypeError
        When `batch_size` is not a positive integer, the dataset's clips are fixed, or `augment` is something else.

    Examples
    --------
    >>> import fmagc
    >>> from torch.utils.data import DataLoader
    >>> train = fmagc.ClipDataset(fmagc.open_cache("data"), split="train", seed=0)
    >>> batches = fmagc.TrainerBatches(train, batch_size=2)
    >>> batches.set_epoch(1)
    >>> len(next(iter(DataLoader(train, batch_sampler=batches)))["label"]) <= 2
    True
    """

    def __init__(self, dataset: ClipDataset, *, batch_size: int, augment: Augment | None = None) -> None:
        require_at_least(1, batch_size=batch_size)
        if dataset.clips != "random":
            raise ValueError("dataset: expected random clips, found fixed ones: set clips='random'")
        if augment is not None and not isinstance(augment, Augment):
            raise TypeError(f"augment: expected fmagc.Augment(cache, settings=[...]), found {format_value(augment)}")
        self._batches = RandomBatches(
            dataset.loader,
            dataset.tracks,
            rounds=dataset.n_clips,
            batch_size=batch_size,
            augment=augment.settings if augment else [],
            seed=dataset.seed,
        )
        self._epoch = 1

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch; the trainer counts from 1."""
        require_at_least(0, epoch=epoch)
        self._epoch = epoch

    def __iter__(self) -> Iterator[list[Clip]]:
        for drawn in self._batches.draw(self._epoch):
            rows = drawn.rows.tolist()
            yield [Clip(*clip) for clip in zip(rows, drawn.starts, drawn.transforms, strict=True)]

    def __len__(self) -> int:
        return len(self._batches)
