"""The two tasks. A table of a split tells by its columns which of them it belongs to.

What a task decides elsewhere, each room keeps in a table by the task's name: the loss in `fmagc.training`, the measures
in `fmagc.evaluation`, the pictures and words in `fmagc.reporting`. So a stage depends on what it runs, and no more.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from fmagc.errors import DataError, format_list
from fmagc.tasks.labels import SEPARATOR, Labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TASKS", "MultiLabel", "SingleLabel", "Task", "TaskName", "genre_text", "labels_of", "task_of"]


class Logits(Protocol):
    """A Tensor of torch, which no stage imports for its labels alone."""

    def softmax(self, dim: int) -> Self:
        """Normalise along a dimension."""

    def sigmoid(self) -> Self:
        """Apply the logistic function."""


L = TypeVar("L", bound=Logits)
TaskName = Literal["single", "multi"]


class Task(ABC):
    """The task of a model: one genre for each track, or several.

    Attributes
    ----------
    name : TaskName
        The value of `index.labels` in params.yaml.
    column : str
        Of the genres of a track in the table of a split.
    needs_every_genre : bool
        Every set must hold tracks of every genre.
    exclusive : bool
        A track has one genre, and the probabilities of all genres sum to 1.
    """

    name: ClassVar[TaskName]
    column: ClassVar[str]
    needs_every_genre: ClassVar[bool]
    exclusive: ClassVar[bool]

    def labels(self, split: "pd.DataFrame", *, genres: Sequence[str] | None = None) -> Labels:
        """Number the genres, and the sets of genres, of the rows of a split.

        Parameters
        ----------
        split : pd.DataFrame
            As `corpus.index.read_split` gives it.
        genres : sequence of str, optional
            All genres, alphabetical; those of the rows when None.

        Raises
        ------
        DataError
            When a row has a genre that is none of `genres`.
        """
        return self.labels_from(split[self.column].unique(), genres=genres)

    def labels_from(self, texts: Iterable[str], *, genres: Sequence[str] | None = None) -> Labels:
        """Number the sets of genres that are written as in the table of a split; parameters as for `labels`."""
        sets = {text: self.parse(text) for text in sorted(set(texts))}
        found = sorted({genre for own in sets.values() for genre in own})
        known = found if genres is None else list(genres)
        if unknown := sorted(set(found) - set(known)):
            raise DataError(
                f"genres: expected some of {format_list(known)}, found {format_list(unknown)}: run `dvc repro`"
            )
        return self._number(known, sets)

    def text(self, genres: Iterable[str]) -> str:
        """Write the genres of a track as a cell of the column, empty for none; `parse` reads it."""
        return SEPARATOR.join(sorted(set(genres)))

    def keep(self, cells: "pd.Series[str]", genres: Collection[str]) -> "pd.Series[str]":
        """Leave in each cell of the column the genres that are among these, and nothing where none is."""
        left = {cell: self.text(genre for genre in self.parse(cell) if genre in genres) for cell in cells.unique()}
        return cells.map(left)

    @abstractmethod
    def parse(self, text: str) -> list[str]:
        """List the genres of a cell of the column, none for an empty one."""

    @abstractmethod
    def activation(self, logits: L) -> L:
        """Turn the outputs of a network into probabilities, of the same shape (N, K)."""

    @abstractmethod
    def target(self, code: int, labels: Labels) -> "int | npt.NDArray[np.float32]":
        """Give a label the form that torch's own losses take: a class, or a 0 or 1 for each genre [shape=(K,)]."""

    @abstractmethod
    def _number(self, genres: Sequence[str], sets: Mapping[str, Sequence[str]]) -> Labels:
        """Make the labels of sets of genres, by their texts."""


class SingleLabel(Task):
    """One genre for each track; the probabilities of all genres sum to 1."""

    name = "single"
    column = "genre"
    needs_every_genre = True
    exclusive = True

    def parse(self, text: str) -> list[str]:
        """List the one genre of a cell, if it has one."""
        return [text] if text else []

    def activation(self, logits: L) -> L:
        """Take the softmax of each row."""
        return logits.softmax(dim=1)

    def target(self, code: int, labels: Labels) -> int:
        """Give the class."""
        return code

    def _number(self, genres: Sequence[str], sets: Mapping[str, Sequence[str]]) -> Labels:
        return Labels(self, tuple(genres), tuple(genres), np.eye(len(genres), dtype=np.bool_))


class MultiLabel(Task):
    """Several genres for a track; each has a probability of its own."""

    name = "multi"
    column = "genres"
    needs_every_genre = False  # of FMA's 161 genres some have a single track
    exclusive = False

    def parse(self, text: str) -> list[str]:
        """List the genres of a cell, which are separated by semicolons."""
        return text.split(SEPARATOR) if text else []

    def activation(self, logits: L) -> L:
        """Take the logistic function of each value."""
        return logits.sigmoid()

    def target(self, code: int, labels: Labels) -> npt.NDArray[np.float32]:
        """Give a 0 or 1 for each genre."""
        carried: npt.NDArray[np.float32] = labels.members[code].astype(np.float32)
        return carried

    def _number(self, genres: Sequence[str], sets: Mapping[str, Sequence[str]]) -> Labels:
        place = {genre: column for column, genre in enumerate(genres)}
        members = np.zeros((len(sets), len(genres)), dtype=np.bool_)
        for row, own in enumerate(sets.values()):
            members[row, [place[genre] for genre in own]] = True
        return Labels(self, tuple(genres), tuple(sets), members)


TASKS: dict[str, Task] = {task.name: task for task in (SingleLabel(), MultiLabel())}


def task_of(split: "pd.DataFrame") -> Task:
    """Return the task of a table of a split, by its column of genres."""
    return next(task for task in TASKS.values() if task.column in split)


def labels_of(split: "pd.DataFrame", *, genres: Sequence[str] | None = None) -> Labels:
    """Number the genres and the labels of a split by its own task; see `Task.labels`."""
    return task_of(split).labels(split, genres=genres)


def genre_text(split: "pd.DataFrame") -> "pd.Series[str]":
    """Write the genres of each row of a split as people read them."""
    task = task_of(split)
    return split[task.column].map(lambda text: f"{SEPARATOR} ".join(task.parse(text))).rename("genre")
