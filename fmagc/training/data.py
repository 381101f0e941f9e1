"""The tracks that a network is trained on and validated with, and the batches of their clips."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.cache.clip_positions import clip_table
from fmagc.cache.normalisation import Normalisation
from fmagc.dataset.clips import ClipLoader, fixed_batches, prefetch
from fmagc.devices.process_group import ALL, Share
from fmagc.errors import DataError
from fmagc.models.registry import MODELS
from fmagc.paths import AUDIT
from fmagc.runtime.files import digest, file_digest
from fmagc.tasks.task import labels_of
from fmagc.training.batches import RandomBatches
from fmagc.training.job import TrainingJob
from fmagc.training.loop import Batches

__all__ = ["TrainingData", "matching_tracks"]


class TrainingData:
    """Training and validation tracks of a split, in the views that a network reads.

    Parameters
    ----------
    split : pd.DataFrame
        As `corpus.index.read_split` gives it.
    normalisation : mapping of str to Normalisation
        By view, of the training set; those of the views that the network reads are used.

    Attributes
    ----------
    labels : Labels
        Of the rows of the split.
    training, validation : pd.DataFrame
        As `ClipLoader.tracks` gives them.

    Raises
    ------
    DataError
        When a cache is damaged or was made with other settings, or a set has no track.
    """

    def __init__(self, job: TrainingJob, split: pd.DataFrame, normalisation: Mapping[str, Normalisation]) -> None:
        self._job = job
        self._normalisation = {view: normalisation[view] for view in MODELS[job.model].inputs}
        self._loader = ClipLoader.open(self._normalisation, clip_samples=job.clip_samples, mel=job.mel)
        self.labels = labels_of(split)
        self.training, self.validation = (self._tracks(split, name) for name in ("train", "val"))
        self._train_eval = matching_tracks(self.training, self.validation)

    @property
    def n_clips(self) -> int:
        """Clips of an epoch, those that are measured among them."""
        measured = (len(self._train_eval) + len(self.validation)) * self._n_measured
        return self.n_trained(len(self._random(ALL))) + measured

    def n_trained(self, n_batches: int) -> int:
        """Count the clips of the first training batches of an epoch."""
        return self._random(ALL).n_clips(n_batches)

    @property
    def smallest_batch(self) -> int:
        """Clips of the smallest training batch."""
        return self._random(ALL).smallest

    @property
    def _n_measured(self) -> int:
        """Clips of a track that is measured: as much music for each model, however short its patch."""
        return -(-self._job.clip.samples // self._job.clip_samples)

    def batches(self, share: Share) -> Batches:
        """Give the batches of one process, prepared ahead."""
        random, size = self._random(share), self._job.train.batch_size
        train_eval, validation = (
            clip_table(tracks, clip_frames=self._loader.clip_frames, n_clips=self._n_measured)
            for tracks in (self._train_eval, self.validation)
        )
        return Batches(
            per_epoch=len(random),
            training=lambda epoch, skip: prefetch(random.epoch(epoch, skip=skip)),
            train_eval=lambda: prefetch(fixed_batches(self._loader, train_eval, batch_size=size, share=share)),
            validation=lambda: prefetch(fixed_batches(self._loader, validation, batch_size=size, share=share)),
        )

    def record(self) -> dict[str, Any]:
        """Return how the clips were made, for the card of a model."""
        return {
            "waveform": self._loader.waveform,
            "mel": self._job.mel.model_dump(),
            "normalisation": {view: asdict(values) for view, values in self._normalisation.items()},
            "caches": {folder.as_posix(): file_digest(folder / "manifest.json") for folder in self._loader.folders},
        }

    def tracks_digest(self) -> str:
        """Return the digest of the tables of tracks."""
        return digest(pd.concat([self.training, self.validation]).to_csv(index=False).encode())

    def _tracks(self, split: pd.DataFrame, name: str) -> pd.DataFrame:
        rows = split[split["set"] == name]
        if rows.empty:
            raise DataError(f"set {name}: expected tracks in the split, found none: see {AUDIT}")
        return self._loader.tracks(rows, labels=self.labels)

    def _random(self, share: Share) -> RandomBatches:
        train = self._job.train
        return RandomBatches(
            self._loader,
            self.training,
            rounds=self._job.architecture.patches_per_track,
            batch_size=train.batch_size,
            augment=train.augment,
            seed=self._job.seed,
            share=share,
        )


def matching_tracks(training: pd.DataFrame, validation: pd.DataFrame) -> pd.DataFrame:
    """Choose as many training tracks as validation holds, spread over the set: the same for all seeds.

    They are of the labels of validation; for what training lacks of a label, such as a rare set of genres, others stand
    in. Measuring all training tracks would take a quarter of the training; this many give the precision of validation.
    """
    rows_of = training.groupby("label").indices
    matching = [
        _spread(np.asarray(rows_of.get(label, []), dtype=np.int64), n_validation)
        for label, n_validation in validation["label"].value_counts().sort_index().items()
    ]
    chosen = np.concatenate(matching)
    others = np.setdiff1d(np.arange(len(training)), chosen)
    return training.iloc[[*chosen, *_spread(others, len(validation) - len(chosen))]].reset_index(drop=True)


def _spread(rows: npt.NDArray[np.int64], at_most: int) -> npt.NDArray[np.int64]:
    """Choose rows from end to end, in their order."""
    places = np.linspace(0, len(rows) - 1, min(len(rows), at_most)).round().astype(int)
    chosen: npt.NDArray[np.int64] = rows[places]
    return chosen
