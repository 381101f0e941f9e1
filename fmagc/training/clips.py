"""Clips from the cache as batches of tensors: a variable window of a track in, a clip of fixed length out.

A clip starts on a multiple of hop_length, so that its waveform and its frames are the same music: samples
[s * hop_length, s * hop_length + clip_samples) and frames [s, s + clip_frames).
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.audio.frames import n_frames
from fmagc.audio.mel import LogMel
from fmagc.params.learning import Train
from fmagc.params.signal import Mel
from fmagc.store.cache import MELS, WAVES, Cache
from fmagc.store.statistics import Normalisation
from fmagc.store.windows import labelled
from fmagc.training.augment import MelNoise, Plan, draw

__all__ = ["Batch", "ClipSource", "ahead", "fixed_batches", "random_batches"]

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """Clips for a network.

    Attributes
    ----------
    views : dict of Tensor
        ``waveform`` [shape=(B, samples)] and ``mel`` [shape=(B, frames, n_mels)], normalised float32, those asked for.
    target : Tensor of int64 [shape=(B,)]
        Class indices.
    track_ids : list of int
        Where the clips come from.
    """

    views: dict[str, Tensor]
    target: Tensor
    track_ids: list[int]


class ClipSource:
    """Normalised clips of the cache, in the views that a network reads.

    Parameters
    ----------
    normalisation : mapping of str to Normalisation
        Of the training set, by view: ``waveform``, ``mel`` or both; the cache of a view not named is not opened.
    clip_samples : int
        Length of a clip.
    mel : Mel
        The settings that the mel cache must have been made with.

    Raises
    ------
    DataError
        When a cache is damaged or was made with other settings.
    """

    def __init__(self, normalisation: Mapping[str, Normalisation], *, clip_samples: int, mel: Mel) -> None:
        self.hop_length = mel.hop_length
        self.clip_frames = n_frames(clip_samples, hop_length=mel.hop_length)
        self._waves = Cache(WAVES, "waves", facts=["scale"], made_by="decode") if "waveform" in normalisation else None
        self._mels = Cache(MELS, "mels", facts=["ref_db"], made_by="mel") if "mel" in normalisation else None
        self._scalers = {view: _Scaler(values) for view, values in normalisation.items()}
        if self._mels:
            self._mels.require(mel=mel.model_dump())
            log_mel = LogMel(self._mels.params["audio"]["sample_rate"], mel)
            self._noise = MelNoise(
                band_power=log_mel.noise_band_power(), effective_bins=log_mel.effective_bins, top_db=mel.top_db
            )

    @property
    def folders(self) -> list[Path]:
        """The caches that are read."""
        return [cache.folder for cache in (self._waves, self._mels) if cache]

    def tracks(self, split: pd.DataFrame, *, genres: list[str]) -> pd.DataFrame:
        """Keep the tracks of a split that are in the cache, with ``label`` and ``n_frames``; see `store.windows`."""
        if self._mels:
            return labelled(split, self._mels.lengths, genres=genres)
        lengths = self._waves.lengths if self._waves else {}
        frames = {track_id: n_frames(length, hop_length=self.hop_length) for track_id, length in lengths.items()}
        return labelled(split, frames, genres=genres)

    def batch(self, tracks: pd.DataFrame, starts: Sequence[int], plans: Sequence[Plan]) -> Batch:
        """Read windows of tracks, carry out their plans, normalise."""
        views: dict[str, list[Array]] = {view: [] for view in self._scalers}
        for track_id, start, plan in zip(tracks["track_id"], starts, plans, strict=True):
            if self._waves:
                row = self._waves[track_id]
                window = slice(start * self.hop_length, (start + plan.frames) * self.hop_length)
                y = row.values[window] * np.float32(row.facts["scale"])
                views["waveform"].append(self._scalers["waveform"](plan.waveform(y)))
            if self._mels:
                row = self._mels[track_id]
                S_db = row.values[start : start + plan.frames].astype(np.float32)
                clip = plan.mel(S_db, ref_db=row.facts["ref_db"], noise=self._noise)
                views["mel"].append(self._scalers["mel"](clip))
        return Batch(
            views={view: torch.from_numpy(np.stack(clips)) for view, clips in views.items()},
            target=torch.tensor(tracks["label"].to_numpy()),
            track_ids=tracks["track_id"].tolist(),
        )


def random_batches(
    source: ClipSource, tracks: pd.DataFrame, *, settings: Train, seed: int, epoch: int
) -> Iterator[Batch]:
    """Give one random, augmented clip of every track, in random order: the same for the same seed and epoch.

    The batches are as equal in size as can be, so that no clip is dropped and no small batch is left over.
    """
    rng = np.random.default_rng([seed, epoch])
    order = rng.permutation(len(tracks))
    for places in np.array_split(order, -(-len(order) // settings.batch_size)):
        rows = tracks.iloc[places]
        lengths = rows["n_frames"].tolist()
        plans = [draw(settings.augment, rng, frames=source.clip_frames, available=length) for length in lengths]
        last = [length - plan.frames for length, plan in zip(lengths, plans, strict=True)]
        yield source.batch(rows, rng.integers(0, np.array(last), endpoint=True).tolist(), plans)


def fixed_batches(source: ClipSource, clips: pd.DataFrame, *, batch_size: int) -> Iterator[Batch]:
    """Give the clips of `store.windows.clip_table` as they are, in their order."""
    plan = Plan(frames=source.clip_frames, operations=())
    for first in range(0, len(clips), batch_size):
        rows = clips.iloc[first : first + batch_size]
        yield source.batch(rows, rows["start"].tolist(), [plan] * len(rows))


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Prepare the next batch in a thread while the network works on this one; the batches stay the same."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield batch


class _Scaler:
    """A z-score; a column without spread in training carries nothing, and gives 0 whatever augmentation puts there."""

    def __init__(self, normalisation: Normalisation) -> None:
        factor = 1 / np.array(normalisation.scale_)
        factor[normalisation.without_spread] = 0
        self._factor = factor.astype(np.float32)
        self._mean = np.array(normalisation.mean_, dtype=np.float32)

    def __call__(self, values: Array) -> Array:
        scaled: Array = (values - self._mean) * self._factor
        return scaled
