"""Predict the genres of clips of the cache with a trained network."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from torch import nn
from tqdm import tqdm

from fmagc.cache.clip_positions import clip_table
from fmagc.dataset.clips import ClipLoader, fixed_batches
from fmagc.devices.device import Hardware
from fmagc.errors import DataError, format_list
from fmagc.evaluation.clips_per_track import rows_in_union, union_of_clips
from fmagc.evaluation.predictions import Predictions
from fmagc.inference.forward import probabilities
from fmagc.models.pretrained import normalisation_of
from fmagc.params.signal import Mel
from fmagc.tasks.task import labels_of

__all__ = ["open_loader", "predict_tracks"]


def open_loader(card: dict[str, Any]) -> ClipLoader:
    """Open the cache as the network of a card was trained on it."""
    return ClipLoader.open(
        normalisation_of(card),
        clip_samples=card["architecture"]["clip_samples"],
        mel=Mel.model_validate(card["mel"]),
    )


def predict_tracks(
    model: nn.Module,
    card: dict[str, Any],
    loader: ClipLoader,
    split: pd.DataFrame,
    *,
    protocol: str,
    counts: Collection[int | None],
    crop: str,
    overlap: float,
    hardware: Hardware,
) -> dict[int | None, Predictions]:
    """Predict clips of tracks with one trained network, for several numbers of clips at once.

    Parameters
    ----------
    model, card : nn.Module, dict
        As `models.pretrained.load_trained` gives them.
    loader : ClipLoader
        Of the card; see `open_loader`.
    split : pd.DataFrame
        The rows of `corpus.index.read_split` to predict.
    protocol : str
        Name of the split.
    counts : collection of int or None
        Numbers of clips for each track; None: as many as cover it.
    crop, overlap : str, float
        As in `cache.clip_positions.clip_table`; random clips are those of the seed that the network was trained with.
    hardware : Hardware
        Prepared for the card's precision.

    Returns
    -------
    dict of int or None to Predictions
        Of all clips, by `counts`; the same in every process.
    """
    labels = labels_of(split, genres=card["genres"])
    tracks = loader.tracks(split, labels=labels)
    clips_of = {
        n_clips: clip_table(
            tracks,
            clip_frames=loader.clip_frames,
            n_clips=n_clips,
            overlap=overlap,
            crop=crop,
            seed=card["seed"],
        )
        for n_clips in counts
    }
    union = union_of_clips(clips_of.values())
    name, batch_size = card["architecture"]["name"], card["train"]["batch_size"]
    processes = hardware.processes
    batches = fixed_batches(loader, union, batch_size=batch_size, share=processes.share)
    described = f"{name} seed {card['seed']}"
    with tqdm(total=len(union), unit="clip", desc=described, disable=not processes.is_rank_zero) as bar:
        p = probabilities(model, batches, task=labels.task, hardware=hardware, progress=bar)
    bad = sorted(set(union["track_id"].to_numpy()[~np.isfinite(p).all(axis=1)].tolist()))
    if bad:
        raise DataError(
            f"{described}: expected finite probabilities, found others for {format_list([f'track {n}' for n in bad])}: "
            f"run `dvc repro -f decode`, and train the model again if that does not help"
        )
    predictions = {}
    for n_clips, clips in clips_of.items():
        rows = p[rows_in_union(clips, union=union)]
        predictions[n_clips] = Predictions.of_clips(
            rows, clips, labelling=labels, protocol=protocol, model=name, seed=card["seed"]
        )
    return predictions
