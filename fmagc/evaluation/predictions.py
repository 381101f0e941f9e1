"""Predictions of a model: its probabilities for clips, or for tracks, with what is known of each row."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from numpy.typing import ArrayLike

from fmagc.errors import DataError
from fmagc.evaluation.aggregation import RULES, Average
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.evaluation.prediction_file import DECIMALS, Stored, read_file, write_file
from fmagc.evaluation.validity import require_valid
from fmagc.tasks.labels import SEPARATOR, Labels
from fmagc.tasks.task import TASKS

__all__ = ["Predictions"]

_ARRAYS = ("seeds", "track_ids", "artist_ids", "sets", "clips", "labels", "probabilities")


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions of one model under one protocol, rows ordered by seed, track and clip.

    Attributes
    ----------
    protocol, model : str
        The split, and the model or baseline, by name.
    labelling : Labels
        The genres, and the sets of them that the labels number.
    seeds : np.ndarray [shape=(N,), int64]
        Training seed of each row; 0 for a model that has none.
    track_ids, artist_ids : np.ndarray [shape=(N,), int64]
        Track of each row, and who made it.
    sets : np.ndarray [shape=(N,), str]
        ``val`` or ``test``.
    clips : np.ndarray [shape=(N,), int64] or None
        Number of the clip in its track, from 0; None where a row is a whole track.
    labels : np.ndarray [shape=(N,), int64]
        Numbers of the true sets of genres; where a track has one genre, its class.
    probabilities : np.ndarray [shape=(N, K), float64]
        Rows sum to 1 where a track has one genre.
    """

    protocol: str
    model: str
    labelling: Labels
    seeds: Ints
    track_ids: Ints
    artist_ids: Ints
    sets: npt.NDArray[np.str_]
    clips: Ints | None
    labels: Ints
    probabilities: Floats

    @classmethod
    def of_clips(
        cls,
        probabilities: ArrayLike,
        clips: pd.DataFrame,
        *,
        labelling: Labels,
        protocol: str,
        model: str,
        seed: int,
    ) -> Self:
        """Join the probabilities of one training seed to the clips that they belong to.

        Parameters
        ----------
        probabilities : array_like [shape=(N, K)]
            Rounded to 6 decimals here.
        clips : pd.DataFrame
            ``track_id``, ``artist_id``, ``set``, ``clip`` and ``label`` of each row
            (`cache.clip_positions.clip_table`).
        labelling : Labels
        protocol, model : str
            The split, and the model or baseline, by name.
        seed : int
            0 for a model that has none.

        Raises
        ------
        DataError
            When the rows are not valid (`validity.require_valid`).
        """
        p = np.asarray(np.round(np.asarray(probabilities, dtype=np.float64), DECIMALS), dtype=np.float64)
        track_ids, artist_ids, numbers, labels = (
            clips[name].to_numpy(dtype=np.int64) for name in ("track_id", "artist_id", "clip", "label")
        )
        return cls(
            protocol=protocol,
            model=model,
            labelling=labelling,
            seeds=np.full(len(clips), seed, dtype=np.int64),
            track_ids=track_ids,
            artist_ids=artist_ids,
            sets=clips["set"].to_numpy(dtype=np.str_),
            clips=numbers,
            labels=labels,
            probabilities=p,
        ).checked(source=f"predictions of {model}")

    @classmethod
    def concatenate(cls, parts: Iterable["Predictions"]) -> Self:
        """Join the predictions of several seeds of one model on the same clips.

        Raises
        ------
        DataError
            When they do not fit together.
        """
        first, *others = parts = list(parts)
        source = f"predictions of {first.model}"
        for other in others:
            for name, own, found in (
                ("protocol", first.protocol, other.protocol),
                ("model", first.model, other.model),
                ("labels", first.labelling.texts, other.labelling.texts),
                ("genres", first.genres, other.genres),
            ):
                if own != found:
                    raise DataError(f"{source}: {name}: expected {own} of all seeds, found {found}: run `dvc repro`")
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
        return cls(first.protocol, first.model, first.labelling, **joined).checked(source=source)

    @classmethod
    def read(cls, path: Path, *, stage: str) -> Self:
        """Read what `write` wrote; parameters and errors as in `prediction_file.read_file`."""
        attributes, names, columns, probabilities = read_file(path, stage=stage)
        return cls(
            protocol=attributes["protocol"],
            model=attributes["model"],
            labelling=TASKS[attributes["task"]].labels_from(names["texts"], genres=names["genres"]),
            seeds=columns["seed"],
            track_ids=columns["track_id"],
            artist_ids=columns["artist_id"],
            sets=columns["set"].astype(np.str_),
            clips=columns["clip"],
            labels=columns["label"],
            probabilities=probabilities,
        ).checked(source=str(path))

    def write(self, path: Path) -> None:
        """Write predictions of clips (`prediction_file`): the same predictions give the same bytes."""
        columns = {
            "seed": self.seeds,
            "track_id": self.track_ids,
            "artist_id": self.artist_ids,
            "set": self.sets.astype(np.bytes_),
            "clip": np.asarray(self.clips),
            "label": self.labels,
        }
        attributes = {"protocol": self.protocol, "model": self.model, "task": self.labelling.task.name}
        names = {"genres": self.genres, "texts": self.labelling.texts}
        write_file(path, Stored(attributes, names, columns, self.probabilities))

    def checked(self, *, source: str) -> Self:
        """Order the rows by seed, track and clip, and check them.

        Raises
        ------
        DataError
            When they are not valid (`validity.require_valid`); the message begins with `source`.
        """
        keys = (self.track_ids, self.seeds)
        order = np.lexsort(keys if self.clips is None else (self.clips, *keys))
        ordered = self if (np.diff(order) == 1).all() else self.select(order)
        require_valid(ordered, source=source)
        return ordered

    def table(self) -> pd.DataFrame:
        """Lay out all columns as a table, without ``clip`` where rows are tracks.

        Returns
        -------
        pd.DataFrame
            ``protocol``, ``model``, ``seed``, ``track_id``, ``artist_id``, ``set``, ``clip``, the genres of the track
            as the table of a split has them, and ``p_<genre>`` for each genre.
        """
        table = pd.DataFrame(
            {
                "protocol": self.protocol,
                "model": self.model,
                "seed": self.seeds,
                "track_id": self.track_ids,
                "artist_id": self.artist_ids,
                "set": self.sets.astype(object),
                **({} if self.clips is None else {"clip": self.clips}),
                self.labelling.task.column: np.array(self.labelling.texts, dtype=object)[self.labels],
            }
        )
        p = pd.DataFrame(self.probabilities, columns=[f"p_{genre}" for genre in self.genres])
        return pd.concat([table, p], axis=1)

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres in the order of the probabilities [shape=(K,)]."""
        return self.labelling.genres

    @property
    def predicted(self) -> Ints:
        """The most probable genre of each row [shape=(N,), int64]."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

    @cached_property
    def carried(self) -> npt.NDArray[np.bool_]:
        """The genres that the track of each row carries [shape=(N, K), bool]."""
        return self.labelling.members[self.labels]

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """True where the track of a row carries its most probable genre [shape=(N,), bool]."""
        return self.labelling.members[self.labels, self.predicted]

    @cached_property
    def test(self) -> Self:
        """The rows of the test set."""
        return self.select(self.sets == "test")

    @cached_property
    def validation(self) -> Self:
        """The rows of the validation set."""
        return self.select(self.sets == "val")

    @cached_property
    def tracks(self) -> Self:
        """One row for each seed and track: the mean of the probabilities of its clips."""
        return self.aggregate("probabilities")

    def aggregate(self, rule: Average) -> Self:
        """Make one row of the clips of each seed and track, by a rule of `aggregation`."""
        new = (np.diff(self.seeds, prepend=-1) != 0) | (np.diff(self.track_ids, prepend=-1) != 0)
        new[:1] = True
        pooled = RULES[self.labelling.task.name][rule](self.probabilities, np.flatnonzero(new))
        return replace(self.select(new), clips=None, probabilities=pooled)

    def by_seed(self) -> dict[int, Self]:
        """Split the predictions by training seed, in ascending order."""
        return {seed: self.select(self.seeds == seed) for seed in np.unique(self.seeds).tolist()}

    def mean_of_seeds(self) -> pd.DataFrame:
        """Average predictions of tracks over the seeds.

        Returns
        -------
        pd.DataFrame
            By ``track_id``: ``genre`` (what the track carries), ``predicted`` (the most probable genre), ``confidence``
            (the probability of that one), ``p_true`` (that of the most probable genre which the track carries) and
            ``correct`` (whether the two are one).
        """
        p = pd.DataFrame(self.probabilities).groupby(self.track_ids).mean().to_numpy()
        track_ids, first = np.unique(self.track_ids, return_index=True)
        codes, labels = np.unique(self.labels[first], return_inverse=True)
        texts = np.array([f"{SEPARATOR} ".join(self.labelling.names(code)) for code in codes.tolist()], dtype=object)
        carried = self.labelling.members[codes][labels]
        predicted = p.argmax(axis=1)
        return pd.DataFrame(
            {
                "genre": texts[labels],
                "predicted": np.array(self.genres, dtype=object)[predicted],
                "confidence": p.max(axis=1),
                "p_true": np.where(carried, p, 0).max(axis=1),
                "correct": carried[np.arange(len(p)), predicted],
            },
            index=pd.Index(track_ids, name="track_id"),
        )

    def select(self, rows: npt.NDArray[np.bool_] | Ints) -> Self:
        """Keep the rows of a mask [shape=(N,), bool], or those of some numbers in their order."""
        arrays = {name: getattr(self, name)[rows] for name in _ARRAYS if getattr(self, name) is not None}
        return replace(self, **arrays)
