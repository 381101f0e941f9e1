"""What a trained network says about clips of the cache."""

from typing import Any

import pandas as pd
from torch import nn
from tqdm import tqdm

from fmagc.evaluation.judging import probabilities
from fmagc.evaluation.results import table_of
from fmagc.store.windows import clip_table
from fmagc.training.clips import ClipSource, fixed_batches
from fmagc.training.hardware import Hardware

__all__ = ["predict_tracks"]


def predict_tracks(
    model: nn.Module,
    card: dict[str, Any],
    source: ClipSource,
    split: pd.DataFrame,
    *,
    protocol: str,
    n_clips: int,
    hardware: Hardware,
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
    hardware : Hardware
        Prepared for the card's precision.

    Returns
    -------
    pd.DataFrame
        A table of predictions (`evaluation.predictions`), in every process the whole.
    """
    clips = clip_table(source.tracks(split, genres=card["genres"]), clip_frames=source.clip_frames, n_clips=n_clips)
    name, batch_size = card["architecture"]["name"], card["train"]["batch_size"]
    processes = hardware.processes
    batches = fixed_batches(source, clips, batch_size=batch_size, share=processes.share)
    described = f"{name} seed {card['seed']}"
    with tqdm(total=len(clips), unit="clip", desc=described, disable=not processes.is_writer) as bar:
        p = probabilities(model, batches, hardware=hardware, progress=bar)
    return table_of(p, clips, genres=card["genres"], protocol=protocol, model=name, seed=card["seed"])
