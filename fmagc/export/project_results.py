"""Find what the pipeline measured of a training on the test tracks, where the training lies in its project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fmagc.errors import DataError
from fmagc.paths import CARDS, CONFUSION, DETAILS, MODELS_FOLDER, TRACK_METRICS
from fmagc.reporting.hub_metadata import has_metadata
from fmagc.reporting.run_results import confusion_counts
from fmagc.runtime.files import read_json, read_record

__all__ = ["ProjectResults", "find_results"]


@dataclass(frozen=True)
class ProjectResults:
    """The results of a model, of all its seeds, in the project that tested it.

    Attributes
    ----------
    project : Path
    protocol, model : str
    card : str
        The page of `metrics/cards`.
    """

    project: Path
    protocol: str
    model: str
    card: str

    def metrics(self) -> dict[str, float]:
        """Read the metrics by track (`evaluation.summary`)."""
        path = self.project / TRACK_METRICS / self.protocol / f"{self.model}.json"
        metrics: dict[str, float] = read_json(path, stage=self._stage)
        return metrics

    def confusions(self, genres: Sequence[str]) -> npt.NDArray[np.float64]:
        """Read the confusions [shape=(K, K)] (`evaluation.confusions`): rows are true genres."""
        path = self.project / CONFUSION / self.protocol / f"{self.model}.csv"
        return confusion_counts(path, genres=genres, stage=self._stage)

    def analysis(self) -> dict[str, Any]:
        """Read the error analysis by track (`evaluation.error_analysis`)."""
        path = self.project / DETAILS / self.protocol / f"{self.model}.json"
        analysis: dict[str, Any] = read_record(path, stage=self._stage)["track"]
        return analysis

    @property
    def _stage(self) -> str:
        return f"evaluate@{self.protocol}-{self.model}"


def find_results(folder: Path, trained: Mapping[str, Any]) -> ProjectResults | None:
    """Find the results of a training by its place.

    Parameters
    ----------
    folder : Path
        Of the training.
    trained : mapping
        The fields of its `models.card.Card`.

    Returns
    -------
    ProjectResults or None
        None where the folder lies in no project, or its project has no card of the model.

    Raises
    ------
    DataError
        When the project's card is of other weights or another version.
    """
    place = folder.absolute()
    if place.parts[-5:-3] != MODELS_FOLDER.parts:
        return None
    project, (protocol, model) = place.parents[4], place.parts[-3:-1]
    card = project / CARDS / protocol / f"{model}.md"
    if not card.exists():
        return None
    page = card.read_text(encoding="utf-8")
    if not has_metadata(page) or trained["weights"] not in page:
        raise DataError(
            f"{card}: expected the card that this version writes of the weights {trained['weights']}, found another: "
            f"run `dvc repro`, or export a copy of {folder}"
        )
    return ProjectResults(project, protocol, model, page)
