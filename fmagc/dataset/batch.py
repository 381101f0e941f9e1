"""A batch on its way to the device: as the cache stores it, normalised only where the network runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from fmagc.cache.normalisation import Normalisation

__all__ = ["Batch", "Scaler", "View"]


@dataclass(frozen=True)
class Scaler:
    """The affine map ``x * factor + shift`` that normalises a view.

    Attributes
    ----------
    factor, shift : Tensor of float32
        Of a shape that broadcasts against a batch of clips.
    """

    factor: Tensor
    shift: Tensor

    @classmethod
    def of(cls, normalisation: Normalisation) -> Self:
        """Make a z-score; a column without spread in training carries nothing, and gives 0 whatever stands there."""
        factor = 1 / np.array(normalisation.scale_)
        factor[normalisation.without_spread] = 0
        shift = -np.array(normalisation.mean_) * factor
        return cls(torch.tensor(factor, dtype=torch.float32), torch.tensor(shift, dtype=torch.float32))

    def after(self, gains: Sequence[float]) -> Self:
        """Multiply each waveform of a batch by its own gain first."""
        return type(self)(torch.tensor(gains, dtype=torch.float32)[:, None] * self.factor, self.shift)


@dataclass(frozen=True)
class View:
    """One view of the clips of a batch.

    Attributes
    ----------
    values : Tensor [shape=(B, samples) or (B, frames, n_mels)]
        int16 or float16 as stored; float32 when a clip among them was augmented.
    scaler : Scaler
        What makes of them the input of a network.
    """

    values: Tensor
    scaler: Scaler

    def on(self, device: torch.device) -> Tensor:
        """Return the clips there, normalised, float32: they travel at the size in which they are stored."""
        x = self.values.to(device).to(torch.float32, copy=True)
        return x.mul_(self.scaler.factor.to(device)).add_(self.scaler.shift.to(device))


@dataclass(frozen=True)
class Batch:
    """Clips for a network.

    Attributes
    ----------
    views : mapping of str to View
        ``waveform`` and ``mel``, those asked for.
    target : Tensor of int64 [shape=(B,)]
        Class indices.
    track_ids : list of int
        Where the clips come from.
    """

    views: Mapping[str, View]
    target: Tensor
    track_ids: list[int]

    def on(self, device: torch.device) -> dict[str, Tensor]:
        """Return the views as a network takes them: there, normalised, float32."""
        return {name: view.on(device) for name, view in self.views.items()}
