"""The words of the page of results where a track has one genre."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from fmagc.reporting.presentation.page_words import CLIPS, CURVES, ROBUSTNESS, SCORES, PageWords
from fmagc.reporting.text import listed

__all__ = ["SingleLabelPage"]


class SingleLabelPage(PageWords):
    """One genre for each track: accuracy, F1 and confusion matrices."""

    aim = "predict one of {genres} genres for {tracks} by {artists}"
    validated = "f1"
    examples = "each genre"
    timeline = "Stacked probabilities of the genres"
    ece = "the mean distance between confidence and accuracy over bins of confidence"
    hardest = "The tracks whose label gets the lowest probability from the networks"
    hardest_columns = ("label", "probability of the label")
    hardest_text = "Of {tracks}, all networks predict {all:,} correctly, and none predicts {none:,} correctly."
    pictures: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "curves": {
            "alt": "Curves of loss, macro F1, accuracy, precision and recall over the epochs, training and validation",
            "caption": CURVES,
        },
        "scores": {
            "alt": "Accuracy and macro F1 of every model and baseline with their 95 % intervals, best first",
            "caption": SCORES,
        },
        "genres": {
            "alt": "F1 of every genre, a marker for each model and baseline",
            "caption": "F1 by genre, on the test tracks.",
        },
        "confusion": {
            "alt": "Confusion matrix of every model and baseline; rows are true genres and sum to 1",
            "caption": "Confusion matrices: rows are true genres, and sum to 1.",
        },
        "clips": {
            "alt": "Accuracy and macro F1 over the seconds of music seen per track, for three rules of averaging",
            "caption": CLIPS,
        },
        "calibration": {
            "alt": "Reliability diagram of every model and baseline: accuracy over confidence",
            "caption": "On the dotted line, accuracy equals confidence. Below it, the model is overconfident.",
        },
        **ROBUSTNESS,
    }
    of_genres = ("genres", "confusion")

    def genres(self, table: pd.DataFrame) -> str:
        """Name all."""
        return f"The genres are {listed(table['genre'])}."

    def genre_text(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
        """Rank the genres by their mean F1."""
        rows = [row for table in tables.values() for row in table]
        means = pd.DataFrame(rows).groupby("genre")["f1"].mean().sort_values(ascending=False, kind="stable")
        return (
            f"By the mean F1 of the networks, {means.index[0]} is predicted best ({means.iloc[0]:.2f}) and "
            f"{means.index[-1]} worst ({means.iloc[-1]:.2f})."
        )
