"""The genres that FMA's tables give to the tracks, for each task."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import pandas as pd

from fmagc.corpus.fma.genres import GenreTree
from fmagc.corpus.left_out import reason_of
from fmagc.errors import DataError, format_list, format_value
from fmagc.tasks.labels import SEPARATOR
from fmagc.tasks.task import TASKS

__all__ = ["LABELLINGS", "Labelling"]

Choice = int | Sequence[int | str] | None


class Labelling(ABC):
    """Label tracks by `index.genres`."""

    @abstractmethod
    def lists(self, choice: Choice) -> tuple[str, ...]:
        """Name the lists of genres in tracks.csv that the labels are made of, as `tables.read_tracks` takes them."""

    @abstractmethod
    def label(self, tracks: pd.DataFrame, tree: GenreTree, choice: Choice) -> pd.DataFrame:
        """Give each track its cell of genres, or the reason why it has none.

        Parameters
        ----------
        tracks : pd.DataFrame
            As `tables.read_tracks` gives them.
        tree : GenreTree
        choice : int or sequence of int and str, optional
            As for `GenreTree.choose`.

        Returns
        -------
        pd.DataFrame
            `tracks` with the column of the task and ``reason``, one of which is empty in each row.
        """


class OneGenre(Labelling):
    """The root genre that FMA names; or the one chosen genre under which all others of the track fall."""

    def lists(self, choice: Choice) -> tuple[str, ...]:
        """Name the genres of a track, which a choice needs."""
        return () if choice is None else ("genres",)

    def label(self, tracks: pd.DataFrame, tree: GenreTree, choice: Choice) -> pd.DataFrame:
        """Give each track its class, which must be one alone."""
        if choice is None:
            return tracks.assign(reason=(tracks["genre"] == "").map({True: "no root genre", False: ""}))
        chosen = tree.choose(choice)
        classes = [tree.classes_of(genre_ids, chosen=chosen) for genre_ids in tracks["genres"]]
        genre = [names[0] if len(names) == 1 else "" for names in classes]
        reason = [
            f"several chosen genres: {', '.join(names)}" if len(names) > 1 else reason_of(names, genre_ids)
            for names, genre_ids in zip(classes, tracks["genres"], strict=True)
        ]
        return tracks.drop(columns="genres").assign(genre=genre, reason=reason)


class EveryGenre(Labelling):
    """All chosen genres at or above those of a track."""

    _task: ClassVar = TASKS["multi"]

    def lists(self, choice: Choice) -> tuple[str, ...]:
        """Name the genres of a track, and the list of all above them, which must be the same as the tree's."""
        return ("genres", "genres_all")

    def label(self, tracks: pd.DataFrame, tree: GenreTree, choice: Choice) -> pd.DataFrame:
        """Give each track its chosen genres."""
        titles = {genre_id: tree[genre_id].title for genre_id in tree.choose(choice)}
        unwritable = [format_value(title) for title in titles.values() if SEPARATOR in title]
        if unwritable:
            raise DataError(
                f"genres.csv, column title: expected names without {SEPARATOR}, which separates the genres of a track "
                f"where index.labels is multi, found {format_list(unwritable)}: rename them"
            )
        cells = {
            ids: self._task.text(titles[genre_id] for genre_id in tree.closure(ids) if genre_id in titles)
            for ids in set(tracks["genres"])
        }
        genres = tracks["genres"].map(cells)
        reason = [reason_of(cell, ids) for cell, ids in zip(genres, tracks["genres"], strict=True)]
        return tracks.drop(columns=["genre", "genres_all"]).assign(genres=genres, reason=reason)


LABELLINGS: dict[str, Labelling] = {"single": OneGenre(), "multi": EveryGenre()}
