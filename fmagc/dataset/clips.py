"""Clips from the cache as batches of tensors: a variable window of a track in, a clip of fixed length out.

A clip that no augmentation touches keeps the type in which it is stored; `training.batch` normalises on the device.

A clip starts on a multiple of hop_length, so that its waveform and its frames are the same music: samples
[s * hop_length, s * hop_length + clip_samples) and frames [s, s + clip_frames).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.audio.log_mel import LogMel
from fmagc.cache.clip_positions import with_labels
from fmagc.cache.normalisation import Normalisation
from fmagc.cache.reader import Cache
from fmagc.cache.window_reader import ClipReader
from fmagc.dataset.batch import Batch, Scaler, View
from fmagc.devices.process_group import ALL, Share
from fmagc.errors import DataError
from fmagc.params.signal import Mel, Waveform, n_frames
from fmagc.params.training import Train
from fmagc.paths import MELS, WAVES
from fmagc.runtime.worker_pool import usable_cores
from fmagc.training.augment import ClipTransform, MelNoise, sample

__all__ = ["ClipSource", "fixed_batches", "prefetch", "random_batches"]

Array = NDArray[Any]


class ClipSource:
    """Clips of the cache, in the views that a network reads.

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
        self._waves = (
            ClipReader(Cache(WAVES, "waves", columns=["scale"], stage="decode"))
            if "waveform" in normalisation
            else None
        )
        self._mels = (
            ClipReader(Cache(MELS, "mels", columns=["ref_db"], stage="mel")) if "mel" in normalisation else None
        )
        self._scalers = {view: Scaler.of(values) for view, values in normalisation.items()}
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="augment")
        if self._mels:
            mels = self._mels.cache
            mels.require(mel=mel.model_dump())
            log_mel = LogMel(mels.params["audio"]["sample_rate"], mel)
            self._noise = MelNoise(
                band_power=log_mel.noise_band_power(), effective_bins=log_mel.effective_bins, top_db=mel.top_db
            )

    @property
    def folders(self) -> list[Path]:
        """The caches that are read."""
        return [reader.cache.folder for reader in (self._waves, self._mels) if reader]

    @property
    def waveform(self) -> dict[str, Any]:
        """The settings that decide what a decoded track is."""
        audio = next(reader.cache.params["audio"] for reader in (self._waves, self._mels) if reader)
        return {key: audio[key] for key in Waveform.model_fields}

    def tracks(self, split: pd.DataFrame, *, genres: list[str]) -> pd.DataFrame:
        """Keep the tracks of a split that are in the cache, with ``label`` and ``n_frames``; see `store.windows`."""
        if self._mels:
            return with_labels(split, self._mels.cache.lengths, genres=genres)
        lengths = self._waves.cache.lengths if self._waves else {}
        frames = {track_id: n_frames(length, hop_length=self.hop_length) for track_id, length in lengths.items()}
        return with_labels(split, frames, genres=genres)

    def batch(self, ids: list[int], labels: Array, starts: Sequence[int], plans: Sequence[ClipTransform]) -> Batch:
        """Read windows of tracks and carry out their plans; of no tracks there are no views."""
        views: dict[str, View] = {}
        if not ids:
            return Batch(views, torch.tensor(labels), ids)
        if self._waves:
            views["waveform"] = self._waveforms(self._waves, ids, starts, plans)
        if self._mels:
            views["mel"] = self._spectrograms(self._mels, ids, starts, plans)
        return Batch(views, torch.tensor(labels), ids)

    def _waveforms(
        self, reader: ClipReader, ids: list[int], starts: Sequence[int], plans: Sequence[ClipTransform]
    ) -> View:
        hop = self.hop_length
        windows = reader.read(
            ids, starts=[start * hop for start in starts], lengths=[plan.frames * hop for plan in plans]
        )
        scales = [reader.cache[track_id].columns["scale"] for track_id in ids]
        clips = self._clips(windows, plans, lambda n, y: plans[n].waveform(y * np.float32(scales[n])))
        gains = [1.0 if plan.operations else scale for plan, scale in zip(plans, scales, strict=True)]
        return View(clips, self._scalers["waveform"].after(gains))

    def _spectrograms(
        self, reader: ClipReader, ids: list[int], starts: Sequence[int], plans: Sequence[ClipTransform]
    ) -> View:
        windows = reader.read(ids, starts=starts, lengths=[plan.frames for plan in plans])
        levels = [reader.cache[track_id].columns["ref_db"] for track_id in ids]
        clips = self._clips(
            windows, plans, lambda n, S_db: plans[n].mel(S_db.astype(np.float32), ref_db=levels[n], noise=self._noise)
        )
        return View(clips, self._scalers["mel"])

    def _clips(
        self, windows: Array, plans: Sequence[ClipTransform], augmented: Callable[[int, Array], Array]
    ) -> Tensor:
        """Make clips of windows that lie end to end: as stored when no plan has an operation, all float32 otherwise.

        Each clip is made in a thread of its own: where the network runs on the same cores, it waits for the slowest.
        """
        if not any(plan.operations for plan in plans):
            return torch.from_numpy(windows.reshape(len(plans), -1, *windows.shape[1:]))
        ends = np.cumsum([plan.frames for plan in plans])
        rows = len(windows) // ends[-1]
        parts = np.split(windows, ends[:-1] * rows)
        clips = np.empty((len(plans), self.clip_frames * rows, *windows.shape[1:]), np.float32)

        def fill(n: int) -> None:
            clips[n] = augmented(n, parts[n]) if plans[n].operations else parts[n]

        list(self._pool.map(fill, range(len(plans))))
        return torch.from_numpy(clips)


def random_batches(
    source: ClipSource,
    tracks: pd.DataFrame,
    *,
    settings: Train,
    seed: int,
    epoch: int,
    skip: int = 0,
    share: Share = ALL,
) -> Iterator[Batch]:
    """Give one random, augmented clip of every track, in random order: the same for the same seed and epoch.

    The batches are as equal in size as can be, so that no clip is dropped and no small batch is left over. The first
    `skip` of them are drawn and not read. Of each batch, a process reads its share alone; all draw the whole of it, so
    that the clips are the same however many processes there are.
    """
    rng = np.random.default_rng([seed, epoch])
    ids, labels, lengths = (tracks[column].to_numpy() for column in ("track_id", "label", "n_frames"))
    order = rng.permutation(len(tracks))
    for number, places in enumerate(np.array_split(order, -(-len(order) // settings.batch_size)), start=1):
        plans = [
            sample(settings.augment, rng, frames=source.clip_frames, available=length) for length in lengths[places]
        ]
        last = lengths[places] - [plan.frames for plan in plans]
        starts = rng.integers(last, endpoint=True).tolist()
        if number > skip:
            own = share.shard_batch(np.arange(len(places)))
            own_ids = ids[places[own]].tolist()
            with _naming(f"epoch {epoch}, batch {number}", own_ids):
                batch = source.batch(own_ids, labels[places[own]], [starts[n] for n in own], [plans[n] for n in own])
            yield batch


def fixed_batches(source: ClipSource, clips: pd.DataFrame, *, batch_size: int, share: Share = ALL) -> Iterator[Batch]:
    """Give the clips of `store.windows.clip_table` as they are, in their order.

    Several processes deal the batches out, and a process without one in the last turn gets one without clips. What is
    in a batch, and with it the last digit of what a network says about it, does not depend on their number.
    """
    plan = ClipTransform(frames=source.clip_frames, operations=())
    for first in share.shard_batches(range(0, len(clips), batch_size)):
        if first is None:
            yield source.batch([], np.empty(0, dtype=np.int64), [], [])
            continue
        rows = clips.iloc[first : first + batch_size]
        ids = rows["track_id"].tolist()
        with _naming(f"batch {first // batch_size + 1} of the fixed clips", ids):
            batch = source.batch(ids, rows["label"].to_numpy(), rows["start"].tolist(), [plan] * len(rows))
        yield batch


@contextmanager
def _naming(which: str, track_ids: list[int]) -> Iterator[None]:
    """Say of an error of the loader, in whatever thread it arose, which batch it was at."""
    try:
        yield
    except (DataError, OSError) as error:
        raise DataError(f"loader: {which}, tracks {track_ids}: {error}") from error
    except Exception as error:
        error.add_note(f"This happened in the loader, in {which}, tracks {track_ids}.")
        raise


def prefetch(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Prepare the next batch in a thread while the network works on this one; the batches stay the same."""
    with ThreadPoolExecutor(1, thread_name_prefix="loader") as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield batch
