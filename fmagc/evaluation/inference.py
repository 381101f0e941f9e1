"""Probabilities of a trained network for clips of the cache."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from fmagc.training.clips import Batch
from fmagc.training.hardware import Hardware

__all__ = ["probabilities"]


@torch.inference_mode()
def probabilities(model: nn.Module, batches: Iterable[Batch], *, hardware: Hardware) -> npt.NDArray[np.float64]:
    """Run a network over batches.

    Returns
    -------
    np.ndarray of float64 [shape=(N, K)]
        Softmax of the logits, a row a clip, in the order of the batches.
    """
    hardware.place(model)
    model.eval()
    rows: list[Any] = []
    for batch in batches:
        with hardware.autocast():
            logits = model({name: view.to(hardware.device) for name, view in batch.views.items()})
        rows.append(logits.double().softmax(dim=1).cpu().numpy())
    return np.concatenate(rows)
