"""The rows of a comparison: a model or a baseline with its metrics, and the test set of a protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fmagc.evaluation.predictions import Predictions

__all__ = ["Entry", "TestSet"]


@dataclass(frozen=True)
class Entry:
    """A model or a baseline under one protocol.

    Attributes
    ----------
    protocol, model : str
    track, clip : mapping of str to float
        The two results of `fmagc.evaluation.summary.summarise`.
    cards : sequence of mappings
        A network's cards, one for each seed, of which the keys `parameters` and `best_epoch` are shown; none for a
        baseline.
    stage : str
        The one that predicted: ``evaluate`` for a network, ``baseline``, or ``probe``, which predicts whole tracks.
    """

    protocol: str
    model: str
    track: Mapping[str, float]
    clip: Mapping[str, float]
    cards: Sequence[Mapping[str, Any]] = ()
    stage: str = "evaluate"


@dataclass(frozen=True)
class TestSet:
    """The test set of a protocol, and its overlap with training."""

    task: str  # its name in `fmagc.tasks.task.TASKS`
    n_tracks: int
    n_artists: int
    support: Mapping[str, int]  # test tracks of each genre
    n_training: int  # tracks that could be decoded
    training: Mapping[str, int]  # these tracks, of each genre
    n_listed: int  # tracks of the training set, decoded or not
    known: float  # share of the test tracks whose artist is in training
    files_shared: int  # byte-identical files in more than one set

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        *,
        audit: Mapping[str, Any],
        accepted: Mapping[str, int],
        training: Mapping[str, int],
    ) -> Self:
        """Count the test tracks of a protocol.

        Parameters
        ----------
        predictions : Predictions
            Of any model: all are tested on the same tracks.
        audit : mapping of str to Any
            Of the split, which has all listed tracks.
        accepted : mapping of str to int
            Tracks of each set that could be decoded.
        training : mapping of str to int
            Training tracks of each genre that could be decoded.
        """
        test, labelling = predictions.test, predictions.labelling
        track_ids, first = np.unique(test.track_ids, return_index=True)
        return cls(
            task=labelling.task.name,
            n_tracks=len(track_ids),
            n_artists=len(set(test.artist_ids.tolist())),
            support=dict(
                zip(labelling.genres, labelling.members[test.labels[first]].sum(axis=0).tolist(), strict=True)
            ),
            n_training=accepted["train"],
            training=training,
            n_listed=audit["tracks"]["train"],
            known=audit["test_share_with_artist_in_train"],
            files_shared=audit["files_shared"],
        )

    @property
    def n_genres(self) -> int:
        """The number of genres to predict."""
        return len(self.support)

    @property
    def tested(self) -> frozenset[str]:
        """The genres that a test track carries."""
        return frozenset(genre for genre, n in self.support.items() if n > 0)

    @property
    def unlearnt(self) -> list[str]:
        """The genres of which no training track could be decoded."""
        return [genre for genre, n in self.training.items() if n == 0]
