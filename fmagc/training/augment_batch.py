"""Augmentation of batches: what acts on the normalised input of a network, and on its targets.

All draws of a batch follow from seed, epoch and its number. Every process draws for the whole batch and takes its own
clips, so that they are the same however many processes there are.

A new one is a settings class in `fmagc.params.training`, a module of its own, and a case in `BatchAugment`.
"""

from collections.abc import Sequence
from itertools import chain

import numpy as np
from torch import Tensor, nn

from fmagc.dataset.batch import Batch
from fmagc.devices.device import Hardware
from fmagc.params.training import BatchAugmentation, FilterAugment, Mixup, SpecAugment
from fmagc.training.filter_augment import draw_gains, filter_
from fmagc.training.mixup import Mix, draw_mix
from fmagc.training.spec_augment import draw_masks, mask_

__all__ = ["BatchAugment"]

Views = dict[str, Tensor]


class BatchAugment:
    """The batch augmentations of a training.

    Parameters
    ----------
    settings : sequence of BatchAugmentation
        In the order in which they act.
    n_classes : int
        Of the targets.
    seed : int >= 0
        Of all draws, with the epoch and the number of the batch.
    hardware : Hardware
        Its device, and the processes that share a batch.
    """

    def __init__(self, settings: Sequence[BatchAugmentation], *, n_classes: int, seed: int, hardware: Hardware) -> None:
        self._settings, self._n_classes, self._seed = settings, n_classes, seed
        self._device, self._processes = hardware.device, hardware.processes

    def __call__(self, batch: Batch, *, epoch: int, number: int) -> tuple[Views, Tensor]:
        """Move this process's clips of a batch to the device, normalised, and augment them there.

        Parameters
        ----------
        batch : Batch
            May be without clips in some of the processes.
        epoch, number : int > 0
            The place of the batch in the training.

        Returns
        -------
        views : dict of str to Tensor
            As `Batch.on` gives them.
        target : Tensor [shape=(B,), int64, or (B, K), float32]
            Class indices, or the part of each class where clips were mixed.
        """
        views, target = batch.on(self._device), batch.target.to(self._device)
        if not self._settings:
            return views, target
        shares = self._processes.all_gather(batch.target.tolist())
        labels = np.array(list(chain(*shares)), np.int64)
        first = sum(map(len, shares[: self._processes.share.rank]))
        own = slice(first, first + len(target))
        rng = np.random.default_rng([self._seed, epoch, number])
        for setting in self._settings:
            match setting:
                case Mixup():
                    views, target = self._mix(views, target, draw_mix(setting, rng, labels), own=own)
                case SpecAugment() if "mel" in views:
                    mask_(views["mel"], setting, draw_masks(setting, rng, len(labels))[own])
                case FilterAugment() if "mel" in views:
                    gains = draw_gains(setting, rng, len(labels), n_mels=views["mel"].shape[2])
                    filter_(views["mel"], gains[own], batch.views["mel"].scaler.factor)
        return views, target

    def _mix(self, views: Views, target: Tensor, mix: Mix, *, own: slice) -> tuple[Views, Tensor]:
        soft = target if target.is_floating_point() else nn.functional.one_hot(target, self._n_classes).float()
        clips = views | {"target": soft} if views else {}
        whole = self._processes.all_gather_rows(clips)
        mixed = {name: mix.apply(x, whole[name], own) for name, x in clips.items()}
        return mixed, mixed.pop("target", target)
