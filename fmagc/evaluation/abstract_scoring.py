"""The interface of a task to scores, which `SingleLabel` and `MultiLabel` implement; `scoring` finds them.

Everything else in this room is the same for both tasks: which tracks count, means over seeds, intervals, comparisons,
confusions and bins of calibration.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import draw, interval
from fmagc.evaluation.calibration import TEMPERATURES
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.evaluation.predictions import Predictions

__all__ = ["Scoring"]

_TEMPERATURE_RESAMPLES = 200


class Scoring(ABC):
    """The measures of a task.

    Attributes
    ----------
    task : str
        The task's name (`fmagc.tasks.task.TASKS`).
    headline : str
        The key of the measure by which models are ranked and compared, and settings chosen.
    resampled : tuple of str
        The keys of the measures that have an interval, ``<key>_low`` and ``<key>_high``, and by which numbers of clips
        and protocols are compared; the headline is one of them.
    """

    task: ClassVar[str]
    headline: ClassVar[str]
    resampled: ClassVar[tuple[str, ...]]

    @abstractmethod
    def scores(self, rows: Predictions) -> dict[str, float]:
        """Compute the measures `resampled` of the rows of one seed."""

    @abstractmethod
    def metrics(self, test: Predictions, *, validation: Predictions, genres: pd.DataFrame) -> dict[str, float]:
        """Compute all measures of one seed but those of calibration.

        Parameters
        ----------
        test : Predictions
            The rows that are measured.
        validation : Predictions
            The rows of the same seed on which thresholds are chosen.
        genres : pd.DataFrame
            As `corpus.index.read_genre_table` gives it: ``genre``, ``parent``, ``depth``, ``is_leaf``.

        Returns
        -------
        dict of str to float
            A count of what the test set holds is an int; it has no spread over seeds.
        """

    @abstractmethod
    def resamples(self, test: Predictions, *, resamples: int, seed: int) -> Mapping[str, Floats]:
        """Compute the measures `resampled`, means over seeds, in every resample of artists and seeds.

        Parameters
        ----------
        test : Predictions
            Of all seeds.
        resamples, seed : int
            Of the draw (`bootstrap.draw`): models that were tested on the same tracks meet the same resamples.

        Returns
        -------
        mapping of str to np.ndarray [shape=(resamples,), float64]
        """

    @abstractmethod
    def confidences(self, rows: Predictions) -> tuple[Floats, npt.NDArray[np.bool_]]:
        """List the probabilities whose calibration is measured, and which of them came true [shape=(M,) each]."""

    @abstractmethod
    def log_loss(self, rows: Predictions) -> float:
        """Compute the mean of the log losses of the rows, in nats."""

    @abstractmethod
    def ece_by_chance(self, rows: Predictions) -> float:
        """Estimate the expected calibration error that a perfectly calibrated model has by chance on as many rows."""

    @abstractmethod
    def fit_temperature(self, rows: Predictions) -> float:
        """Fit the temperature that minimises the log loss of the rows of one seed (`calibration.TEMPERATURES`)."""

    @abstractmethod
    def fit_temperatures(self, rows: Predictions, *, artists: Ints, times: Ints) -> list[float]:
        """Fit the temperature of each resample of the rows of one seed.

        Parameters
        ----------
        rows : Predictions
        artists : np.ndarray [shape=(N,), int64]
            Of each row, from 0 to A - 1.
        times : np.ndarray [shape=(R, A), int64]
            How often each resample has each artist.
        """

    @abstractmethod
    def scale(self, probabilities: Floats, temperature: float) -> Floats:
        """Divide the logits behind probabilities [shape=(N, K)] by a temperature."""

    @abstractmethod
    def genre_table(self, predictions: Predictions) -> list[dict[str, Any]]:
        """Measure each genre on the test rows.

        Returns
        -------
        list of dict
            ``genre``, ``support`` (rows of one seed), ``precision``, ``recall`` and ``f1``; in the multi-label task
            also ``average_precision``, ``roc_auc`` (None where the test set lacks the genre) and ``threshold``; means
            over seeds, and with two seeds or more the standard deviations of some as ``<key>_std``.
        """

    @abstractmethod
    def analysis(self, predictions: Predictions) -> dict[str, Any]:
        """List what the error analysis of this task has beyond `genre_table`, confusions and calibration.

        Returns
        -------
        dict
            Nothing where a track has one genre. Where it has several ``false_positives``, a dict for each genre that
            some test track gets wrongly, the most frequent first: ``genre``, ``count`` (tracks of one seed, a mean),
            and ``tracks_of``, the genres whose tracks get it, ``{"genre", "count"}`` each, the most frequent first.
        """

    def temperature_interval(self, validation: Predictions) -> tuple[float, float]:
        """Bound the temperature, a mean over seeds, by a bootstrap over the artists of the rows, and over seeds.

        With one artist it is unknown: the bounds are those of the search.
        """
        artists, place = np.unique(validation.artist_ids, return_inverse=True)
        if len(artists) < 2:
            return TEMPERATURES
        by_seed = validation.by_seed()
        times, seeds = draw(len(artists), n_seeds=len(by_seed), resamples=_TEMPERATURE_RESAMPLES, seed=0)
        fitted = [
            self.fit_temperatures(own, artists=place[validation.seeds == run], times=times)
            for run, own in by_seed.items()
        ]
        return interval(np.average(np.stack(fitted, axis=1), axis=1, weights=seeds))

    def tempered(self, predictions: Predictions) -> tuple[dict[int, float], Predictions]:
        """Scale the test rows of each seed by the temperature that suits its validation rows.

        Parameters
        ----------
        predictions : Predictions
            Of clips or of tracks, of validation and test.

        Returns
        -------
        temperatures : dict of int to float
            By seed.
        test : Predictions
            The test rows with scaled probabilities.

        Raises
        ------
        DataError
            When there is no validation row.
        """
        if not (predictions.sets == "val").any():
            raise DataError(
                f"predictions of {predictions.model}: expected rows of the set val to fit a temperature to, found "
                "none. Run `dvc repro`."
            )
        test = predictions.test
        scaled = np.empty_like(test.probabilities)
        temperatures: dict[int, float] = {}
        for seed, validation in predictions.validation.by_seed().items():
            temperatures[seed] = self.fit_temperature(validation)
            rows = test.seeds == seed
            scaled[rows] = self.scale(test.probabilities[rows], temperatures[seed])
        return temperatures, replace(test, probabilities=scaled)
