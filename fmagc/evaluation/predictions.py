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
from fmagc.evaluation.aggregation import Average, averaged
from fmagc.evaluation.bootstrap import artist_counts
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.evaluation.prediction_table import COLUMNS, DECIMALS, KEY, PREFIX, read_table, validate, write_table
from fmagc.tasks.labels import Labels
from fmagc.tasks.task import labels_of

__all__ = ["Predictions"]


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
            When the rows make no valid table (`prediction_table.validate`).
        """
        p = np.asarray(probabilities, dtype=np.float64)
        genres = labelling.genres
        if p.ndim != 2 or p.shape[1] != len(genres):
            raise DataError(
                f"predictions of {model}: expected probabilities (N, {len(genres)}), found the shape {p.shape}"
            )
        table = clips[["track_id", "artist_id", "set", "clip"]].reset_index(drop=True)
        table = table.assign(
            protocol=protocol, model=model, seed=seed, genre=[labelling.texts[label] for label in clips["label"]]
        )[list(COLUMNS)]
        for column, genre in enumerate(genres):
            table[PREFIX + genre] = np.round(p[:, column], DECIMALS)
        return cls.from_table(table, source=f"predictions of {model}")

    @classmethod
    def from_table(cls, table: pd.DataFrame, *, source: str) -> Self:
        """Check a table of clips (`prediction_table`) and take its columns apart.

        Raises
        ------
        DataError
            When the table is not valid; the message begins with `source`.
        """
        ordered = validate(table, source=source).sort_values(KEY)
        columns = [str(name) for name in ordered if str(name).startswith(PREFIX)]
        labelling = labels_of(ordered, genres=[name.removeprefix(PREFIX) for name in columns])
        return cls(
            protocol=str(ordered["protocol"].iloc[0]),
            model=str(ordered["model"].iloc[0]),
            labelling=labelling,
            seeds=ordered["seed"].to_numpy(dtype=np.int64),
            track_ids=ordered["track_id"].to_numpy(dtype=np.int64),
            artist_ids=ordered["artist_id"].to_numpy(dtype=np.int64),
            sets=ordered["set"].to_numpy(dtype=np.str_),
            clips=ordered["clip"].to_numpy(dtype=np.int64),
            labels=labelling.encode(ordered),
            probabilities=ordered[columns].to_numpy(dtype=np.float64),
        )

    @classmethod
    def concatenate(cls, parts: Iterable["Predictions"]) -> Self:
        """Join the predictions of several seeds of one model on the same clips.

        Raises
        ------
        DataError
            When they do not fit together.
        """
        tables = [part.table() for part in parts]
        return cls.from_table(
            pd.concat(tables, ignore_index=True), source=f"predictions of {tables[0]['model'].iloc[0]}"
        )

    @classmethod
    def read(cls, path: Path, *, stage: str) -> Self:
        """Read what `write` wrote; parameters and errors as in `prediction_table.read_table`."""
        return cls.from_table(read_table(path, stage=stage), source=str(path))

    def write(self, path: Path) -> None:
        """Write predictions of clips as CSV: the same predictions give the same bytes."""
        write_table(self.table(), path=path)

    def table(self) -> pd.DataFrame:
        """Lay out the columns of `prediction_table`; without ``clip`` where rows are tracks."""
        table = pd.DataFrame(
            {
                "protocol": self.protocol,
                "model": self.model,
                "seed": self.seeds,
                "track_id": self.track_ids,
                "artist_id": self.artist_ids,
                "set": self.sets.astype(object),
                **({} if self.clips is None else {"clip": self.clips}),
                "genre": np.array(self.labelling.texts, dtype=object)[self.labels],
            }
        )
        return table.assign(**{PREFIX + genre: self.probabilities[:, k] for k, genre in enumerate(self.genres)})

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres in the order of the probabilities [shape=(K,)]."""
        return self.labelling.genres

    @property
    def predicted(self) -> Ints:
        """The most probable genre of each row [shape=(N,), int64]."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.int64)

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
        pooled = averaged(self.probabilities, first=np.flatnonzero(new), rule=rule)
        return replace(self.select(new), clips=None, probabilities=pooled)

    def by_seed(self) -> dict[int, Self]:
        """Split the predictions by training seed, in ascending order."""
        return {seed: self.select(self.seeds == seed) for seed in np.unique(self.seeds).tolist()}

    def confusions_by_artist(self) -> Ints:
        """Count confusions by seed and artist [shape=(S, A, K, K), int64] (`bootstrap.artist_counts`)."""
        return artist_counts(
            self.labels,
            predicted=self.predicted,
            artist_ids=self.artist_ids,
            seeds=self.seeds,
            n_classes=len(self.genres),
        )

    def mean_of_seeds(self) -> pd.DataFrame:
        """Average predictions of tracks over the seeds.

        Returns
        -------
        pd.DataFrame
            By ``track_id``: ``genre`` (the true one), ``predicted``, ``confidence`` (the probability of that one), and
            ``p_true`` (that of the true one).
        """
        p = pd.DataFrame(self.probabilities).groupby(self.track_ids).mean().to_numpy()
        track_ids, first = np.unique(self.track_ids, return_index=True)
        labels, genres = self.labels[first], np.array(self.genres, dtype=object)
        return pd.DataFrame(
            {
                "genre": genres[labels],
                "predicted": genres[p.argmax(axis=1)],
                "confidence": p.max(axis=1),
                "p_true": p[np.arange(len(p)), labels],
            },
            index=pd.Index(track_ids, name="track_id"),
        )

    def select(self, rows: npt.NDArray[np.bool_]) -> Self:
        """Keep the rows of a mask [shape=(N,), bool]."""
        return replace(
            self,
            seeds=self.seeds[rows],
            track_ids=self.track_ids[rows],
            artist_ids=self.artist_ids[rows],
            sets=self.sets[rows],
            clips=None if self.clips is None else self.clips[rows],
            labels=self.labels[rows],
            probabilities=self.probabilities[rows],
        )
