"""The interface of a task to a model card, which `SingleLabelCard` and `MultiLabelCard` implement."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

__all__ = ["CardWords", "ModelPicture", "ModelResults"]


class ModelPicture(NamedTuple):
    """A picture of a model's results: its file, its title, and a description for those who cannot see it."""

    file: str
    title: str
    alt: str


class ModelResults(Protocol):
    """The results of a model, of which its picture is drawn, each read when it is asked for."""

    @property
    def model(self) -> str:
        """The name of the model."""

    def confusions(self, genres: Sequence[str]) -> npt.NDArray[np.float64]:
        """Read the confusions of test tracks [shape=(K, K)]; rows are true genres."""

    def analysis(self) -> Mapping[str, Any]:
        """Read the error analysis of test tracks (`evaluation.error_analysis`)."""


class CardWords(ABC):
    """The parts of a model card that are a task's own; their places are in `model_card_template`.

    Attributes
    ----------
    headline : tuple of str
        The key of the measure whose interval the limits tell, and its name in words.
    hub_metrics : mapping of str to str
        The measures of the metadata as model hubs name them, and their keys in the metrics of a model.
    validated : tuple of str
        The columns of the history that the card of an untested model shows.
    brief : mapping of str to str
        Those that one line tells, and their names.
    in_words : tuple of str
        The metrics that `measures` tells, so that the table of results does not.
    limit : str
        What the labels of the corpus do not say, as items of a list.
    ece : str
        How the calibration error is defined.
    error_columns : tuple of str
        The heads of the labels, of the prediction, of its probability, and of the probability of the labels.
    validation : str
        How the measures `validated` are defined.
    beyond : str
        What the tests have beyond validation.
    picture : ModelPicture
        What `draw` shows.
    """

    headline: ClassVar[tuple[str, str]]
    hub_metrics: ClassVar[Mapping[str, str]]
    validated: ClassVar[tuple[str, ...]]
    brief: ClassVar[Mapping[str, str]]
    in_words: ClassVar[tuple[str, ...]] = ()
    limit: ClassVar[str]
    ece: ClassVar[str]
    error_columns: ClassVar[tuple[str, str, str, str]]
    validation: ClassVar[str]
    beyond: ClassVar[str]
    picture: ClassVar[ModelPicture]

    @abstractmethod
    def purpose(self, genres: Sequence[str]) -> str:
        """Say what is predicted."""

    @abstractmethod
    def listing(self, genres: Sequence[str]) -> str:
        """List the genres where `purpose` does not; empty, or with an empty line at its end."""

    @abstractmethod
    def measures(self, metrics: Mapping[str, float]) -> str:
        """Define the measures among the results of test tracks that a reader may not know."""

    @abstractmethod
    def by_genre(self, rows: Sequence[Mapping[str, Any]], *, n_tested: int) -> str:
        """Tabulate the results of each genre.

        Parameters
        ----------
        rows : sequence of mappings
            The ``genres`` of an error analysis (`evaluation.error_analysis`).
        n_tested : int
            Number of test tracks.
        """

    @abstractmethod
    def mistakes(self, level: Mapping[str, Any]) -> str:
        """Write the section on the most frequent mistakes of an error analysis by track, with its heading."""

    @abstractmethod
    def draw(self, results: ModelResults, *, genres: Sequence[str]) -> Figure:
        """Draw the results of a model on the test tracks."""
