"""The forward pass: probabilities of genres for batches of clips, wherever they come from."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from fmagc.dataset.batch import Batch
from fmagc.devices.device import Hardware
from fmagc.tasks.task import Task

__all__ = ["probabilities"]


@torch.inference_mode()
def probabilities(
    model: nn.Module, batches: Iterable[Batch], *, task: Task, hardware: Hardware, progress: "tqdm[Any]"
) -> npt.NDArray[np.float64]:
    """Run a network over batches.

    Parameters
    ----------
    model : nn.Module
    batches : iterable of Batch
        Those of this process, as `dataset.clips.fixed_batches` deals them out.
    task : Task
        Of the network.
    hardware : Hardware
    progress : tqdm
        Counts clips.

    Returns
    -------
    np.ndarray of float64 [shape=(N, K)]
        One row per clip, in the order in which a single process would predict them.
    """
    hardware.setup_model(model)
    model.eval()
    rows: list[npt.NDArray[np.float64]] = []
    for batch in batches:
        turn = hardware.processes.all_gather(_predict_batch(model, batch, task, hardware) if batch.track_ids else None)
        predicted = [p for p in turn if p is not None]
        rows += predicted
        progress.update(sum(map(len, predicted)))
    return np.concatenate(rows)


def _predict_batch(model: nn.Module, batch: Batch, task: Task, hardware: Hardware) -> npt.NDArray[np.float64]:
    with hardware.autocast():
        logits = model(batch.on(hardware.device))
    p: npt.NDArray[np.float64] = task.activation(logits.double()).cpu().numpy()
    return p
