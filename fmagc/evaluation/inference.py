"""What a trained network says about clips of the cache."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fmagc.evaluation.results import table_of
from fmagc.store.windows import clip_table
from fmagc.training.batch import Batch
from fmagc.training.clips import ClipSource, fixed_batches
from fmagc.training.hardware import Hardware, prepare

__all__ = ["predict_tracks", "probabilities"]


def predict_tracks(
    model: nn.Module,
    card: dict[str, Any],
    source: ClipSource,
    split: pd.DataFrame,
    *,
    protocol: str,
    n_clips: int,
    threads: int,
) -> pd.DataFrame:
    """Let one trained network judge tracks by evenly spaced clips.

    Parameters
    ----------
    model, card : nn.Module, dict
        As `training.weights.load_trained` gives them.
    source : ClipSource
        Of the card.
    split : pd.DataFrame
        The rows of `corpus.index.read_split` to judge.
    protocol : str
    n_clips : int
        Of a track.
    threads : int
        Of the CPU's arithmetic.

    Returns
    -------
    pd.DataFrame
        A table of predictions (`evaluation.predictions`).
    """
    hardware = prepare(card["precision"], threads=threads, seed=card["seed"])
    clips = clip_table(source.tracks(split, genres=card["genres"]), clip_frames=source.clip_frames, n_clips=n_clips)
    name, batch_size = card["architecture"]["name"], card["train"]["batch_size"]
    bar = tqdm(total=len(clips), unit="clip", desc=f"{name} seed {card['seed']}")
    with bar:
        p = probabilities(model, fixed_batches(source, clips, batch_size=batch_size), hardware=hardware, progress=bar)
    return table_of(p, clips, genres=card["genres"], protocol=protocol, model=name, seed=card["seed"])


@torch.inference_mode()
def probabilities(
    model: nn.Module, batches: Iterable[Batch], *, hardware: Hardware, progress: "tqdm[Any]"
) -> npt.NDArray[np.float64]:
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
            logits = model(batch.on(hardware.device))
        rows.append(logits.double().softmax(dim=1).cpu().numpy())
        progress.update(len(batch.target))
    return np.concatenate(rows)
