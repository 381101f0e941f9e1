"""The interface of a task to the words and pictures of its results."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from matplotlib.figure import Figure

from fmagc.evaluation.scoring import Scoring
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.presentation.card_words import CardWords
from fmagc.reporting.presentation.page_words import PageWords
from fmagc.reporting.protocol_results import ProtocolResults

__all__ = ["Presentation"]


class Presentation(ABC):
    """The words and pictures of the results of a task.

    A method takes results as the stages wrote them, and reads no file that another task does not need.

    Attributes
    ----------
    card : CardWords
    page : PageWords
    scoring : Scoring
        The measures of the task.
    others : tuple of str
        Metrics of tracks that the leaderboard shows without an interval.
    curves : mapping of str to str
        Columns of a history that have a learning curve, and the title of each.
    calibration : mapping of str to str
        The words of `figures.calibration.reliability_diagrams`.
    legend : str
        How the numbers of the leaderboard are read.
    right : str
        When a model is right about a track, for McNemar's test.
    """

    card: ClassVar[CardWords]
    page: ClassVar[PageWords]
    scoring: ClassVar[Scoring]
    others: ClassVar[tuple[str, ...]]
    curves: ClassVar[Mapping[str, str]]
    calibration: ClassVar[Mapping[str, str]]
    legend: ClassVar[str]
    right: ClassVar[str]

    @property
    def headline(self) -> str:
        """The metric that ranks models."""
        return self.scoring.headline

    @property
    def resampled(self) -> tuple[str, ...]:
        """The metrics with a 95 % interval, in the order in which they are shown."""
        return self.scoring.resampled

    @abstractmethod
    def chance(self, test: TestSet) -> dict[str, float]:
        """Compute what guessing scores in each resampled metric."""

    @abstractmethod
    def chance_text(self, test: TestSet) -> str:
        """Tell in a sentence what guessing scores."""

    @abstractmethod
    def further_tables(self, ranked: Sequence[Entry]) -> list[str]:
        """Lay out what the leaderboard shows below the table of a protocol, as blocks of Markdown."""

    @abstractmethod
    def figures(self, results: ProtocolResults) -> dict[str, Figure]:
        """Draw the figures that this task alone has, by the name of their files."""
