"""Mixup: each clip of a batch becomes a weighted mean of itself and of another, and so does its target."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.params.training import Mixup

__all__ = ["Mix", "draw_mix"]


@dataclass(frozen=True)
class Mix:
    """The partners of the clips of a batch, and how much of them each clip takes.

    Attributes
    ----------
    partners : np.ndarray [shape=(B,), int64]
        Places in the batch.
    weights : np.ndarray [shape=(B,), float32]
        Of the partners; 0 leaves a clip as it is.
    """

    partners: NDArray[np.int64]
    weights: NDArray[np.float32]

    def apply(self, x: Tensor, whole: Tensor, own: slice) -> Tensor:
        """Mix clips, or soft targets, with their partners.

        Parameters
        ----------
        x : Tensor [shape=(n, ...), float32]
            Those of this process.
        whole : Tensor [shape=(B, ...), float32]
            Those of the batch.
        own : slice
            The place of `x` in the batch.
        """
        partners = whole[torch.from_numpy(self.partners[own]).to(x.device)]
        weights = torch.from_numpy(self.weights[own]).to(x.device)
        return x.lerp(partners, weights.view(-1, *[1] * (x.dim() - 1)))


def draw_mix(setting: Mixup, rng: np.random.Generator, labels: NDArray[np.int64]) -> Mix:
    """Draw a partner for each clip, any of the batch or any of its class, and a weight from Beta(alpha, alpha).

    Source: Zhang et al. (2018), "mixup: Beyond empirical risk minimization"; there partners are of any class.
    """
    n = len(labels)
    chosen, weights = rng.random(n) < setting.p, rng.beta(setting.alpha, setting.alpha, n)
    groups = (
        [np.flatnonzero(labels == label) for label in np.unique(labels)] if setting.within_class else [np.arange(n)]
    )
    partners = np.arange(n)
    for group in groups:
        partners[group] = rng.permutation(group)
    return Mix(partners, np.where(chosen, weights, 0).astype(np.float32))
