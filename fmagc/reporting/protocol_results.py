"""The results of all models and baselines of one protocol, read when they are asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.corpus.index import read_genre_table
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.run_results import (
    read_clip_counts,
    read_confusion_counts,
    read_error_analysis,
    read_robustness,
)

__all__ = ["ProtocolResults"]


@dataclass(frozen=True)
class ProtocolResults:
    """The results of a protocol.

    Attributes
    ----------
    protocol : str
    entries : sequence of Entry
        All models and baselines of the protocol.
    test_set : TestSet
    """

    protocol: str
    entries: Sequence[Entry]
    test_set: TestSet

    @cached_property
    def analyses(self) -> dict[str, dict[str, Any]]:
        """The error analysis of the tracks of every model and baseline (`evaluation.error_analysis`)."""
        return {entry.model: read_error_analysis(entry)["track"] for entry in self.entries}

    @cached_property
    def genres(self) -> list[str]:
        """All genres, in class order."""
        return [row["genre"] for row in next(iter(self.analyses.values()))["genres"]]

    @property
    def tree(self) -> pd.DataFrame:
        """The tree of the genres of all protocols (`corpus.index.read_genre_table`)."""
        return read_genre_table()

    @property
    def scores(self) -> pd.DataFrame:
        """The metrics of tracks: a row for each model or baseline."""
        return pd.DataFrame([{"model": entry.model, **entry.track} for entry in self.entries])

    @property
    def confusions(self) -> dict[str, npt.NDArray[np.float64]]:
        """The confusion matrix of every model and baseline (`run_results.read_confusion_counts`)."""
        return {entry.model: read_confusion_counts(entry, genres=self.genres) for entry in self.entries}

    @property
    def clip_counts(self) -> pd.DataFrame:
        """The tables of clip counts of the networks, as one (`evaluation.clips_per_track.count_table`)."""
        return read_clip_counts(self.protocol, models=[entry.model for entry in self.entries if entry.cards])

    @property
    def robustness(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The changed predictions, and the errors of encoders (`robustness.experiment.run_experiment`)."""
        return read_robustness(self.protocol)
