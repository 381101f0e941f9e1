"""Clips of the cache as batches of tensors: windows of tracks in, clips of one length out.

A clip without a transform keeps the type in which it is stored; `dataset.batch` normalises on the device.

A clip starts on a multiple of hop_length, so that its waveform and its frames are the same music: samples
[s * hop_length, s * hop_length + clip_samples) and frames [s, s + clip_frames).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmagc.cache.clip_positions import with_labels
from fmagc.cache.normalisation import Normalisation
from fmagc.cache.reader import Cache
from fmagc.cache.window_reader import ClipReader
from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.process_group import ALL, Share
from fmagc.errors import DataError
from fmagc.params.signal import Mel, Waveform, n_frames
from fmagc.paths import MELS, WAVES
from fmagc.runtime.worker_pool import usable_cores
from fmagc.tasks.labels import Labels

__all__ = ["ClipLoader", "Transform", "fixed_batches", "naming_batch", "prefetch"]

Array = NDArray[Any]
Float32 = NDArray[np.float32]


class Transform(Protocol):
    """A change of one clip, alike in both views; None in its place leaves a clip as it is stored."""

    @property
    def frames(self) -> int:
        """Length of the window of the track that becomes the clip."""

    def waveform(self, y: Float32) -> Float32:
        """Turn a window of frames * hop_length samples, at the scale of the track, into a clip."""

    def mel(self, S_db: Float32, *, ref_db: float) -> Float32:
        """Turn a window of the log-mel spectrogram, in dB below ref_db, into a clip."""


class ClipLoader:
    """Loads clips of the cache in the views that a network reads.

    Parameters
    ----------
    caches : mapping of str to Cache
        By view: ``waveform`` with the column ``scale``, ``mel`` with ``ref_db``, or both.
    normalisation : mapping of str to Normalisation
        Of the training set, for the same views.
    clip_samples : int
        Length of a clip.
    mel : Mel
        The settings that the spectrograms must have been made with; their hop_length counts for waveforms, too.

    Attributes
    ----------
    clip_frames : int
        Length of a clip.

    Raises
    ------
    DataError
        When the spectrograms were made with other settings.
    """

    def __init__(
        self,
        caches: Mapping[str, Cache],
        *,
        normalisation: Mapping[str, Normalisation],
        clip_samples: int,
        mel: Mel,
    ) -> None:
        if "mel" in caches:
            caches["mel"].require(mel=mel.model_dump())
        self.caches = dict(caches)
        self.mel = mel
        self.clip_frames = n_frames(clip_samples, hop_length=mel.hop_length)
        self._readers = {view: ClipReader(cache) for view, cache in caches.items()}
        self._builder = BatchBuilder(normalisation)
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="transform")

    @classmethod
    def open(cls, normalisation: Mapping[str, Normalisation], *, clip_samples: int, mel: Mel) -> Self:
        """Open the caches of the views that have a normalisation, and no others.

        Raises
        ------
        DataError
            When a cache is damaged or was made with other settings.
        """
        caches = {}
        if "waveform" in normalisation:
            caches["waveform"] = Cache(WAVES, "waves", columns=["scale"], stage="decode")
        if "mel" in normalisation:
            caches["mel"] = Cache(MELS, "mels", columns=["ref_db"], stage="mel")
        return cls(caches, normalisation=normalisation, clip_samples=clip_samples, mel=mel)

    @property
    def folders(self) -> list[Path]:
        """The caches that are read."""
        return [cache.folder for cache in self.caches.values()]

    @property
    def waveform(self) -> dict[str, Any]:
        """The settings with which the tracks were decoded."""
        return {key: self._audio[key] for key in Waveform.model_fields}

    @property
    def sample_rate(self) -> int:
        """Of all waveforms, in Hz."""
        return int(self._audio["sample_rate"])

    @property
    def _audio(self) -> dict[str, Any]:
        audio: dict[str, Any] = next(cache.params["audio"] for cache in self.caches.values())
        return audio

    def tracks(self, split: pd.DataFrame, *, labels: Labels) -> pd.DataFrame:
        """Keep the tracks of a split that are in the cache, with ``label`` and ``n_frames``; see `with_labels`."""
        if "mel" in self.caches:
            return with_labels(split, self.caches["mel"].lengths, labels=labels)
        lengths = self.caches["waveform"].lengths
        frames = {track_id: n_frames(length, hop_length=self.mel.hop_length) for track_id, length in lengths.items()}
        return with_labels(split, frames, labels=labels)

    def load(
        self,
        track_ids: Sequence[int],
        *,
        target: NDArray[np.int64],
        starts: Sequence[int],
        transforms: Sequence[Transform | None] | None = None,
    ) -> Batch:
        """Read windows of tracks and turn them into a batch of clips.

        Parameters
        ----------
        track_ids : sequence of int
            One for each clip; of none, the batch has no views.
        target : np.ndarray [shape=(B,), int64]
            Labels, as numbers of a `tasks.labels.Labels`.
        starts : sequence of int [frames]
            Where the windows begin.
        transforms : sequence of Transform or None, optional
            One for each clip; all clips are as stored when None.

        Returns
        -------
        Batch
            int16 and float16 as stored where no clip has a transform, all float32 otherwise.
        """
        transforms = transforms or [None] * len(track_ids)
        if not track_ids:
            return self._builder.build({}, track_ids=[], target=target)
        values: dict[str, Array] = {}
        gains = None
        if "waveform" in self.caches:
            values["waveform"], gains = self._waveforms(track_ids, starts, transforms)
        if "mel" in self.caches:
            values["mel"] = self._spectrograms(track_ids, starts, transforms)
        return self._builder.build(values, track_ids=track_ids, target=target, gains=gains)

    def _waveforms(
        self, track_ids: Sequence[int], starts: Sequence[int], transforms: Sequence[Transform | None]
    ) -> tuple[Array, list[float]]:
        """Load waveforms, and the gains that are still to be applied to them: those of clips as stored."""
        hop = self.mel.hop_length
        windows = self._readers["waveform"].read(
            track_ids,
            starts=[start * hop for start in starts],
            lengths=[frames * hop for frames in self._window_frames(transforms)],
        )
        scales = [self.caches["waveform"][track_id].columns["scale"] for track_id in track_ids]
        clips = self._clips(windows, transforms, lambda n, transform, y: transform.waveform(y * np.float32(scales[n])))
        return clips, [1.0 if transform else scale for transform, scale in zip(transforms, scales, strict=True)]

    def _spectrograms(
        self, track_ids: Sequence[int], starts: Sequence[int], transforms: Sequence[Transform | None]
    ) -> Array:
        windows = self._readers["mel"].read(track_ids, starts=starts, lengths=self._window_frames(transforms))
        levels = [self.caches["mel"][track_id].columns["ref_db"] for track_id in track_ids]
        return self._clips(
            windows,
            transforms,
            lambda n, transform, S_db: transform.mel(S_db.astype(np.float32), ref_db=levels[n]),
        )

    def _window_frames(self, transforms: Sequence[Transform | None]) -> list[int]:
        return [transform.frames if transform else self.clip_frames for transform in transforms]

    def _clips(
        self,
        windows: Array,
        transforms: Sequence[Transform | None],
        apply: Callable[[int, Transform, Array], Float32],
    ) -> Array:
        """Make clips of windows that lie end to end: as stored when none has a transform, all float32 otherwise.

        Each clip is made in a thread of its own: where the network runs on the same cores, it waits for the slowest.
        """
        if not any(transforms):
            return windows.reshape(len(transforms), -1, *windows.shape[1:])
        ends = np.cumsum(self._window_frames(transforms))
        rows = len(windows) // ends[-1]  # of the array for each frame: hop_length samples, or one
        parts = np.split(windows, ends[:-1] * rows)
        clips = np.empty((len(transforms), self.clip_frames * rows, *windows.shape[1:]), np.float32)

        def fill(n: int) -> None:
            transform = transforms[n]
            clips[n] = apply(n, transform, parts[n]) if transform else parts[n]

        list(self._pool.map(fill, range(len(transforms))))
        return clips


def fixed_batches(loader: ClipLoader, clips: pd.DataFrame, *, batch_size: int, share: Share = ALL) -> Iterator[Batch]:
    """Load the clips of `cache.clip_positions.clip_table` as they are stored, in their order.

    Several processes deal the batches out, and a process without one in the last turn gets one without clips. Which
    clips share a batch, and with it the last digit of the probabilities, does not depend on the number of processes.
    """
    track_ids, labels, starts = (clips[column].to_numpy() for column in ("track_id", "label", "start"))
    for first in share.shard_batches(range(0, len(clips), batch_size)):
        if first is None:
            yield loader.load([], target=np.empty(0, dtype=np.int64), starts=[])
            continue
        rows = slice(first, first + batch_size)
        own = track_ids[rows].tolist()
        with naming_batch(f"batch {first // batch_size + 1} of the fixed clips", own):
            batch = loader.load(own, target=labels[rows], starts=starts[rows].tolist())
        yield batch


@contextmanager
def naming_batch(which: str, track_ids: list[int]) -> Iterator[None]:
    """Name the batch in errors that are raised while it is loaded, in whatever thread.

    Raises
    ------
    DataError
        In place of a DataError or OSError; other errors get a note.
    """
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
