"""Move batches to the device in the type in which the cache stores them, and normalise them there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.cache.normalisation import Normalisation

__all__ = ["Batch", "BatchBuilder", "Scaler", "View"]

UNLABELLED = -1  # the label of a clip whose genres nobody has named


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
        """Make a z-score."""
        factor, shift = normalisation.affine
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
        int16 or float16 as stored; float32 when a clip among them was transformed.
    scaler : Scaler
        Turns them into the input of a network.
    """

    values: Tensor
    scaler: Scaler

    def on(self, device: torch.device) -> Tensor:
        """Move the clips to a device in the type in which they are stored, and normalise them there to float32."""
        x = self.values.to(device).to(torch.float32, copy=True)
        return x.mul_(self.scaler.factor.to(device)).add_(self.scaler.shift.to(device))


@dataclass(frozen=True)
class Batch:
    """Clips for a network.

    Attributes
    ----------
    views : mapping of str to View
        ``waveform``, ``mel`` or both; of no clips there are no views.
    target : Tensor [shape=(B,), int64]
        Labels, as numbers of a `tasks.labels.Labels`.
    track_ids : list of int
        Of the tracks that the clips are cut from.
    """

    views: Mapping[str, View]
    target: Tensor
    track_ids: list[int]

    def on(self, device: torch.device) -> dict[str, Tensor]:
        """Move the views to a device, normalised, float32: the argument of a network."""
        return {name: view.on(device) for name, view in self.views.items()}


class BatchBuilder:
    """Builds batches of the views that a network reads, with the z-score of its training set.

    Parameters
    ----------
    normalisation : mapping of str to Normalisation
        By view: ``waveform``, ``mel`` or both.
    """

    def __init__(self, normalisation: Mapping[str, Normalisation]) -> None:
        self._scalers = {view: Scaler.of(values) for view, values in normalisation.items()}

    @property
    def views(self) -> tuple[str, ...]:
        """The views of a batch."""
        return tuple(self._scalers)

    def build(
        self,
        values: Mapping[str, NDArray[Any]],
        *,
        track_ids: Sequence[int],
        target: NDArray[np.int64] | None = None,
        gains: Sequence[float] | None = None,
    ) -> Batch:
        """Build a batch; no clip is copied.

        Parameters
        ----------
        values : mapping of str to np.ndarray [shape=(B, samples) or (B, frames, n_mels)]
            Clips by view, not normalised; views that the network does not read are left out.
        track_ids : sequence of int
            One for each clip; when there are none, the batch has no views.
        target : np.ndarray [shape=(B,), int64], optional
            Class indices; -1 for all clips when None.
        gains : sequence of float, optional
            Factors that turn the stored waveforms into samples whose full scale is 1; 1 for all clips when None.

        Returns
        -------
        Batch
        """
        views = {}
        for name, scaler in self._scalers.items() if track_ids else ():
            scaled = scaler.after(gains) if gains is not None and name == "waveform" else scaler
            views[name] = View(torch.from_numpy(values[name]), scaled)
        labels = np.full(len(track_ids), UNLABELLED) if target is None else target
        return Batch(views, torch.tensor(labels), list(track_ids))
