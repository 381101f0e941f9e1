"""Clips of the cache as a map-style torch Dataset, for a stock DataLoader."""

import operator
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, SupportsIndex

import numpy as np
import torch
from torch.utils.data import Dataset

from fmagc.cache.clip_positions import clip_table
from fmagc.cache.feature_cache import FeatureCache
from fmagc.cache.normalisation import Normalisation
from fmagc.dataset.batch import Batch
from fmagc.dataset.clips import ClipLoader, Transform, naming_batch
from fmagc.errors import DataError, format_value, require_at_least
from fmagc.tasks.task import labels_of

__all__ = ["Clip", "ClipDataset", "DrawTransform"]

_VIEWS = ("waveform", "mel")
_SETS = ("train", "val", "test")

DrawTransform = Callable[[np.random.Generator, int, int], Transform | None]


@dataclass(frozen=True)
class Clip:
    """A clip that was chosen already, as an index of `ClipDataset`.

    Attributes
    ----------
    row : int
        Of `ClipDataset.tracks`.
    start : int [frames]
        Where its window begins.
    transform : Transform or None
        What makes a clip of the window; None leaves it as it is stored.
    """

    row: int
    start: int
    transform: Transform | None = None


class ClipDataset(Dataset[dict[str, Any]]):
    """Clips of one set of a protocol: a map-style torch Dataset for a stock DataLoader.

    An item is a dict: ``waveform`` (Tensor [shape=(clip_samples,), float32]) and ``mel`` (Tensor [shape=(frames,
    n_mels), float32]) as far as they are among the views, ``label`` (see `genres`) and ``track_id`` (int). The
    DataLoader's own collation makes of it a dict of batches. A DataLoader reads a batch in one go.

    A track has `n_clips` items, one after the other. Random clips follow from the seed, the epoch, the track and their
    number, whatever the order, the batch size and the number of workers: call `set_epoch` before each epoch, or every
    epoch has the same clips. Workers see it, those that persist too. The very batches of the trainer come from
    `fmagc.TrainerBatches` as the ``batch_sampler``.

    Fixed clips lie evenly spaced from end to end of each track.

    Parameters
    ----------
    cache : FeatureCache
        From `fmagc.open_cache`. All tracks of the views are verified once.
    protocol : str
        ``official``, ``random`` or ``artist``, as far as the run has them.
    split : {'train', 'val', 'test'}
    views : sequence of str
        ``waveform``, ``mel`` or both: the same music, to the sample.
    clips : {'random', 'fixed'}
    n_clips : int > 0
        Of a track; one fixed clip lies in the middle.
    clip_samples : int [samples], optional
        Length of a clip, from one hop to the shortest track, rounded down to whole hops; that of the run when None.
    seed : int >= 0
        Of random clips and their transforms.
    normalise : bool
        Apply the z-score of the protocol's training set, as the trainer does (`FeatureCache.normalisation`); otherwise
        full scale is 1, and mels are in dB.
    augment : callable, optional
        Draws the transform of a random clip: ``augment(rng, clip_frames, n_frames)``, see `fmagc.Augment`.

    Attributes
    ----------
    protocol, split, views, clips, n_clips, seed, normalise
        As given.
    genres : list of str
        A label is the position of a genre; where tracks have several genres, np.ndarray [shape=(K,), float32] of 0 and
        1.
    labels : Labels
        ``labels.indicators(tracks)`` tells which genres each track carries [shape=(N, K), bool].
    tracks : pd.DataFrame
        The tracks of the set: ``track_id``, ``genre`` (``genres``, where they have several), ``artist_id``, ``set``,
        ``label`` (a number of `labels`), ``n_frames``.

    Raises
    ------
    DataError
        When the run has no such protocol, the cache is damaged, or a genre has no track in the set.
    ValueError, TypeError
        When a parameter is none of those above.

    Examples
    --------
    >>> import fmagc
    >>> from torch.utils.data import DataLoader
    >>> train = fmagc.ClipDataset(fmagc.open_cache("data"), split="train", views=("mel",), seed=0)
    >>> train.set_epoch(1)
    >>> batch = next(iter(DataLoader(train, batch_size=2, shuffle=True)))
    >>> sorted(batch), batch["mel"].dtype, len(batch["mel"])
    (['label', 'mel', 'track_id'], torch.float32, 2)
    """

    def __init__(
        self,
        cache: FeatureCache,
        *,
        protocol: str = "official",
        split: Literal["train", "val", "test"] = "train",
        views: Sequence[str] = ("mel",),
        clips: Literal["random", "fixed"] = "random",
        n_clips: int = 1,
        clip_samples: int | None = None,
        seed: int = 0,
        normalise: bool = True,
        augment: DrawTransform | None = None,
    ) -> None:
        if not isinstance(cache, FeatureCache):
            raise TypeError(f"cache: expected what fmagc.open_cache returns, found {format_value(cache)}")
        views = (views,) if isinstance(views, str) else tuple(views)
        _require("split", split, _SETS)
        _require("clips", clips, ("random", "fixed"))
        if not views or not set(views) <= set(_VIEWS):
            raise ValueError(f"views: expected waveform, mel or both, found {format_value(views)}")
        require_at_least(1, n_clips=n_clips)
        require_at_least(0, seed=seed)
        if clips == "fixed" and augment:
            raise ValueError("augment: expected None for fixed clips, found a transform: set clips='random'")
        if augment is not None and not callable(augment):
            raise TypeError(
                f"augment: expected a callable as fmagc.Augment(cache, settings=[...]), found {format_value(augment)}"
            )
        self.cache, self.protocol, self.split, self.views, self.seed = cache, protocol, split, views, seed
        self.clips, self.n_clips, self.normalise = clips, n_clips, normalise
        self._augment = augment
        table = cache.split(protocol).reset_index()
        self._mel = cache.mel
        self._clip_samples = cache.clip_samples if clip_samples is None else clip_samples
        require_at_least(self._mel.hop_length, clip_samples=self._clip_samples)
        same = {"waveform": Normalisation([0.0], [1.0], [])}
        same["mel"] = Normalisation([0.0] * self._mel.n_mels, [1.0] * self._mel.n_mels, [])
        found = cache.normalisation(protocol) if normalise else same
        self._normalisation = {view: found[view] for view in _VIEWS if view in views}
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.untyped_storage().share_memory_()  # workers that persist see it change
        self._loader: ClipLoader | None = None
        self._process = os.getpid()
        for view in self._normalisation:
            cache.reader(view).verify_once()
        self.labels = labels_of(table)
        self.genres = list(self.labels.genres)
        self.tracks = self.loader.tracks(table[table["set"] == split], labels=self.labels)
        if self.tracks.empty:
            raise DataError(
                f"{cache.folder}: expected tracks of the set {split} of {protocol}, found none in the cache"
            )
        shortest = int(self.tracks["n_frames"].min())
        if self.clip_frames > shortest:
            raise ValueError(
                f"clip_samples: expected at most {shortest * self._mel.hop_length}, the length of the shortest track, "
                f"found {self._clip_samples}"
            )
        self._fixed: list[Clip] | None = None
        if clips == "fixed":
            listed = clip_table(
                self.tracks.assign(row=range(len(self.tracks))), clip_frames=self.clip_frames, n_clips=n_clips
            )
            self._fixed = [Clip(row, start) for row, start in zip(listed["row"], listed["start"], strict=True)]

    @property
    def clip_frames(self) -> int:
        """Length of a clip, in frames."""
        return self.loader.clip_frames

    @property
    def loader(self) -> ClipLoader:
        """The loader of this process: threads and open files do not outlive a fork or a pickle."""
        if self._loader is None or self._process != os.getpid():
            readers = {view: self.cache.reader(view) for view in self._normalisation}
            self._loader = ClipLoader(
                readers, normalisation=self._normalisation, clip_samples=self._clip_samples, mel=self._mel
            )
            self._process = os.getpid()
        return self._loader

    def set_epoch(self, epoch: int) -> None:
        """Choose the random clips of an epoch, 0 before the first call."""
        require_at_least(0, epoch=epoch)
        self._epoch.fill_(epoch)

    def load(self, indices: Sequence[SupportsIndex | Clip]) -> Batch:
        """Load clips as the batch that the trainer gives to a network.

        Parameters
        ----------
        indices : sequence of int or Clip

        Returns
        -------
        Batch
            In the type in which they are stored; ``batch.on(device)`` normalises.
        """
        clips = [index if isinstance(index, Clip) else self._clip(operator.index(index)) for index in indices]
        rows = self.tracks.iloc[[clip.row for clip in clips]]
        track_ids = rows["track_id"].tolist()
        with naming_batch(f"a batch of {len(clips)} clips", track_ids):
            return self.loader.load(
                track_ids,
                target=rows["label"].to_numpy(),
                starts=[clip.start for clip in clips],
                transforms=[clip.transform for clip in clips],
            )

    def _clip(self, index: int) -> Clip:
        if not -len(self) <= index < len(self):
            raise IndexError(f"expected an index below {len(self)}, found {index}")
        index %= len(self)
        if self._fixed is not None:
            return self._fixed[index]
        row, number = divmod(index, self.n_clips)
        track_id, available = self.tracks[["track_id", "n_frames"]].to_numpy()[row].tolist()
        rng = np.random.default_rng([self.seed, int(self._epoch), track_id, *([number] if number else [])])
        transform = self._augment(rng, self.clip_frames, available) if self._augment else None
        last = available - (transform.frames if transform else self.clip_frames)
        return Clip(row, int(rng.integers(last, endpoint=True)), transform)

    def __getitems__(self, indices: Sequence[SupportsIndex | Clip]) -> list[dict[str, Any]]:
        batch = self.load(indices)
        views = batch.on(torch.device("cpu"))
        labels = [self.labels.task.target(code, self.labels) for code in batch.target.tolist()]
        return [
            {view: clips[n] for view, clips in views.items()} | {"label": labels[n], "track_id": track_id}
            for n, track_id in enumerate(batch.track_ids)
        ]

    def __getitem__(self, index: SupportsIndex | Clip) -> dict[str, Any]:
        return self.__getitems__([index])[0]

    def __len__(self) -> int:
        return len(self.tracks) * self.n_clips

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loader": None}

    def __repr__(self) -> str:
        return (
            f"ClipDataset({self.protocol} {self.split}: {len(self)} {self.clips} clips of {self.clip_frames} frames "
            f"from {len(self.tracks)} tracks of {len(self.genres)} genres; views: {', '.join(self.views)}"
            f"{'; normalised' if self.normalise else ''}{'; augmented' if self._augment else ''})"
        )


def _require(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name}: expected {', '.join(known[:-1])} or {known[-1]}, found {format_value(value)}")
