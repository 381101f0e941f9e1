"""What a trained network says about clips of the cache."""

from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fmagc.evaluation.clip_counts import picked, union_of_clips
from fmagc.evaluation.results import table_of
from fmagc.store.windows import clip_table
from fmagc.training.batch import Batch
from fmagc.training.clips import ClipSource, fixed_batches
from fmagc.training.hardware import Hardware

__all__ = ["predict_tracks", "probabilities"]


def predict_tracks(
    model: nn.Module,
    card: dict[str, Any],
    source: ClipSource,
    split: pd.DataFrame,
    *,
    protocol: str,
    counts: Collection[int],
    crop: str,
    hardware: Hardware,
) -> dict[int, pd.DataFrame]:
    """Let one trained network judge tracks by clips of them; it judges a clip of several counts once.

    Parameters
    ----------
    model, card : nn.Module, dict
        As `training.weights.load_trained` gives them.
    source : ClipSource
        Of the card.
    split : pd.DataFrame
        The rows of `corpus.index.read_split` to judge.
    protocol : str
    counts : collection of int
        Numbers of clips of a track.
    crop : str
        As `store.windows.clip_table`; random ones are those of the seed that the network was trained with.
    hardware : Hardware
        Prepared for the card's precision.

    Returns
    -------
    dict of int to pd.DataFrame
        For each count a table of predictions (`evaluation.predictions`), in every process the whole.
    """
    tracks = source.tracks(split, genres=card["genres"])
    chosen = {
        n_clips: clip_table(tracks, clip_frames=source.clip_frames, n_clips=n_clips, crop=crop, seed=card["seed"])
        for n_clips in counts
    }
    union = union_of_clips(chosen.values())
    name, batch_size = card["architecture"]["name"], card["train"]["batch_size"]
    processes = hardware.processes
    batches = fixed_batches(source, union, batch_size=batch_size, share=processes.share)
    described = f"{name} seed {card['seed']}"
    with tqdm(total=len(union), unit="clip", desc=described, disable=not processes.is_writer) as bar:
        p = probabilities(model, batches, hardware=hardware, progress=bar)
    tables = {}
    for n_clips, clips in chosen.items():
        rows = p[picked(clips, union=union)]
        tables[n_clips] = table_of(rows, clips, genres=card["genres"], protocol=protocol, model=name, seed=card["seed"])
    return tables


@torch.inference_mode()
def probabilities(
    model: nn.Module, batches: Iterable[Batch], *, hardware: Hardware, progress: "tqdm[Any]"
) -> npt.NDArray[np.float64]:
    """Run a network over batches.

    Parameters
    ----------
    model : nn.Module
    batches : iterable of Batch
        Those of this process, as `training.clips.fixed_batches` deals them out.
    hardware : Hardware
    progress : tqdm
        Counts clips.

    Returns
    -------
    np.ndarray of float64 [shape=(N, K)]
        Softmax of the logits, a row a clip, in the order in which one process would come to them.
    """
    hardware.place(model)
    model.eval()
    rows: list[npt.NDArray[np.float64]] = []
    for batch in batches:
        turn = hardware.processes.gathered(_judge(model, batch, hardware) if batch.track_ids else None)
        judged = [p for p in turn if p is not None]
        rows += judged
        progress.update(sum(map(len, judged)))
    return np.concatenate(rows)


def _judge(model: nn.Module, batch: Batch, hardware: Hardware) -> npt.NDArray[np.float64]:
    with hardware.autocast():
        logits = model(batch.on(hardware.device))
    p: npt.NDArray[np.float64] = logits.double().softmax(dim=1).cpu().numpy()
    return p
