"""The interface of a task to the page of results, which `SingleLabelPage` and `MultiLabelPage` implement."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

__all__ = ["PageWords"]

CURVES = (
    "Training solid, validation dashed, one colour and marker for each model. Both are measured at the end of an epoch "
    "on the middle clip of each validation track, or on as much music in patches from end to end, and of as many "
    "training tracks, without augmentation and dropout."
)
SCORES = "Test tracks. Bars are 95 % intervals of a bootstrap over the artists."
CLIPS = (
    "Scores by seconds of music per track, the number of clips times their length, under each rule of pooling the "
    "predictions of clips."
)
ROBUSTNESS = {
    "robustness": {
        "alt": "Fraction of changed predictions and divergence for each transformation, a marker for each model",
        "caption": "Predictions that change when the music is transformed.",
    },
    "shifts": {
        "alt": "Relative errors of the encoders over the shift: equivariance solid, invariance dotted",
        "caption": "How encoders follow a shift of the music. Equivariance: f(gx) = g'f(x); invariance: f(gx) = f(x).",
    },
}


class PageWords(ABC):
    """The words of the page that are a task's own.

    Attributes
    ----------
    aim : str
        What models do, with places for ``genres``, ``tracks`` and ``artists``.
    validated : str
        The column of a history whose last values are shown beside the loss.
    examples : str
        Which genres have an example clip.
    timeline : str
        How the probabilities of a track's clips are drawn.
    ece : str
        How the calibration error is defined, without a full stop.
    hardest : str
        Which tracks are the hardest.
    hardest_columns : tuple of str
        The heads of the labels and of their probability.
    hardest_text : str
        With places for ``tracks``, ``all`` and ``none``: the numbers of test tracks, of those that all networks predict
        correctly, and of those that none does.
    pictures : mapping of str to mapping
        The figures of the results, each with its ``alt`` and ``caption``.
    of_genres : tuple of str
        Those of them that show the genres.
    """

    aim: ClassVar[str]
    validated: ClassVar[str]
    examples: ClassVar[str]
    timeline: ClassVar[str]
    ece: ClassVar[str]
    hardest: ClassVar[str]
    hardest_columns: ClassVar[tuple[str, str]]
    hardest_text: ClassVar[str]
    pictures: ClassVar[Mapping[str, Mapping[str, str]]]
    of_genres: ClassVar[tuple[str, ...]]

    @abstractmethod
    def genres(self, table: pd.DataFrame) -> str:
        """Describe the genres (`corpus.index.read_genre_table`) in a sentence."""

    @abstractmethod
    def genre_text(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
        """Name the genres that the networks predict best and worst, from the ``genres`` of their error analyses."""
