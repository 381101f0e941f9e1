"""Predict one test track from end to end: which genres a network finds in which part of it."""

from typing import Any

import pandas as pd
from torch import nn
from tqdm import tqdm

from fmagc.cache.clip_positions import clip_table
from fmagc.dataset.clips import ClipLoader, fixed_batches
from fmagc.devices.device import Hardware
from fmagc.evaluation.predictions import Predictions
from fmagc.inference.forward import probabilities
from fmagc.tasks.task import labels_of

__all__ = ["least_settled", "predict_timeline"]

STEP_S = 0.5  # between clips, about


def least_settled(predictions: Predictions) -> int:
    """Find the test track whose clips get the most different probabilities; of equals, the first."""
    test = predictions.test
    by_track = pd.DataFrame(test.probabilities).groupby([test.track_ids, test.seeds])
    spread = by_track.std(ddof=0).sum(axis=1).groupby(level=0).mean()
    return int(spread.index.to_numpy()[spread.to_numpy().argmax()])


def predict_timeline(
    model: nn.Module,
    card: dict[str, Any],
    loader: ClipLoader,
    split: pd.DataFrame,
    *,
    track_id: int,
    sample_rate: int,
    hardware: Hardware,
) -> pd.DataFrame:
    """Predict overlapping clips all along a track.

    Parameters
    ----------
    model, card : nn.Module, dict
        As `models.pretrained.load_trained` gives them.
    loader : ClipLoader
        Of the card.
    split : pd.DataFrame
        Rows of `corpus.index.read_split`: whole sets, that of the track among them.
    track_id : int
        Of the track to predict.
    sample_rate : int [Hz]
        Of the cached waveforms.
    hardware : Hardware
        Prepared for the card's precision.

    Returns
    -------
    pd.DataFrame
        A row for each clip: ``track_id``, ``track_s`` and ``clip_s`` (the lengths of the track and of a clip),
        ``start_s``, all in seconds, and ``p_<genre>``; the same in every process.
    """
    labels = labels_of(split, genres=card["genres"])
    tracks = loader.tracks(split, labels=labels)
    track = tracks[tracks["track_id"] == track_id]
    frame_s = loader.mel.hop_length / sample_rate
    n_frames = int(track["n_frames"].iloc[0])
    n_clips = 2 + int((n_frames - loader.clip_frames) * frame_s / STEP_S)
    clips = clip_table(track, clip_frames=loader.clip_frames, n_clips=n_clips).drop_duplicates("start")
    processes = hardware.processes
    batches = fixed_batches(loader, clips, batch_size=card["train"]["batch_size"], share=processes.share)
    with tqdm(total=len(clips), unit="clip", desc=f"track {track_id}", disable=not processes.is_rank_zero) as bar:
        p = probabilities(model, batches, task=labels.task, hardware=hardware, progress=bar)
    return pd.DataFrame(
        {
            "track_id": track_id,
            "track_s": n_frames * frame_s,
            "clip_s": loader.clip_frames * frame_s,
            "start_s": clips["start"].to_numpy() * frame_s,
            **{f"p_{genre}": p[:, k] for k, genre in enumerate(card["genres"])},
        }
    )
