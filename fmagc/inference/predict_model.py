"""Predict the tracks of a split with all trainings of one model."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from fmagc.dataset.clips import ClipLoader
from fmagc.devices.device import Hardware, prepare
from fmagc.evaluation.clips_per_track import clip_counts, count_table, score_counts
from fmagc.evaluation.predictions import Predictions
from fmagc.inference.predict_tracks import open_loader, predict_tracks
from fmagc.inference.timeline import least_settled, predict_timeline
from fmagc.models.networks import Network
from fmagc.models.pretrained import load_trained
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.paths import training_folder

__all__ = ["ModelPredictions", "Trainings", "predict_model"]


class Trainings:
    """All trainings of one model, which differ in their seed alone.

    Parameters
    ----------
    protocol, name : str
        Of the split and the model.
    settings : Evaluate
        Which clips of a track are predicted.
    whole_run : Run
        Of which the seeds and the number of threads are read.
    share : float
        Of the training set, on which the networks were trained.

    Attributes
    ----------
    first : tuple of (Network, dict)
        The network of the first seed, and its card.
    loader : ClipLoader
        Of the clips that they read.
    evaluated : int or None
        The number of clips of a track by which they are evaluated; None: as many patches as cover it.

    Raises
    ------
    DataError
        When the weights or the card of a training are missing or damaged.
    """

    def __init__(self, protocol: str, name: str, *, settings: Evaluate, whole_run: Run, share: float = 1.0) -> None:
        self._protocol, self._settings, self._threads = protocol, settings, whole_run.threads
        self._trained: list[tuple[Network, dict[str, Any]]] = [
            load_trained(
                training_folder(protocol, name, seed, share=share),
                stage=f"train@{protocol}-{name}-{seed}" if share == 1 else f"share@{protocol}-{share}-{name}",
            )
            for seed in whole_run.seeds
        ]
        self.first = self._trained[0]
        card = self.first[1]
        self.loader: ClipLoader = open_loader(card)
        self.evaluated: int | None = None if card["train"]["patch_samples"] else settings.clips

    def predict(self, split: pd.DataFrame) -> Predictions:
        """Predict the clips of tracks by which the networks are evaluated, with all of them.

        Parameters
        ----------
        split : pd.DataFrame
            Rows of `corpus.index.read_split`.

        Returns
        -------
        Predictions
            Of all seeds; the same in every process.
        """
        return Predictions.concatenate(own[self.evaluated] for own in self.predict_counts(split, []))

    def predict_counts(self, split: pd.DataFrame, counts: Collection[int]) -> Iterator[dict[int | None, Predictions]]:
        """Predict several numbers of clips of tracks, with one network after the other: their clips take much memory.

        Parameters
        ----------
        split : pd.DataFrame
            Rows of `corpus.index.read_split`.
        counts : collection of int
            Numbers of clips of a track, besides that by which the networks are evaluated.

        Yields
        ------
        dict of int or None to Predictions
            Of one seed, by the number of clips for each track; the same in every process.
        """
        for network, card in self._trained:
            yield predict_tracks(
                network,
                card,
                self.loader,
                split,
                protocol=self._protocol,
                counts={self.evaluated, *counts},
                crop=self._settings.crop,
                overlap=self._settings.overlap,
                hardware=self.prepare(card),
            )

    def prepare(self, card: dict[str, Any]) -> Hardware:
        """Prepare the device as for the training of a card."""
        return prepare(card["precision"], threads=self._threads, seed=card["seed"])


@dataclass(frozen=True)
class ModelPredictions:
    """Predictions of a model, how well it does by other numbers of clips, and its predictions along one track.

    Attributes
    ----------
    results : Predictions
        Of the clips by which it is evaluated, of all training seeds.
    clip_counts : pd.DataFrame
        Measures by numbers of clips (`evaluation.clips_per_track.count_table`).
    timeline : pd.DataFrame
        As `timeline.predict_timeline` gives it, of the first seed, for the test track whose clips differ most.
    architecture : dict
        The keyword arguments of `models.build.build`.
    is_rank_zero : bool
        True in the process that writes files.
    """

    results: Predictions
    clip_counts: pd.DataFrame
    timeline: pd.DataFrame
    architecture: dict[str, object]
    is_rank_zero: bool


def predict_model(
    name: str,
    split: pd.DataFrame,
    *,
    protocol: str,
    settings: Evaluate,
    clip_samples: int,
    sample_rate: int,
    whole_run: Run,
) -> ModelPredictions:
    """Predict tracks with each training of a model.

    Parameters
    ----------
    name : str
        Of the model.
    split : pd.DataFrame
        Rows of `corpus.index.read_split`: whole sets, the test set among them.
    protocol : str
        Name of the split.
    settings : Evaluate
        Which clips of a track are predicted.
    clip_samples : int
        Length of a clip, which a model without a patch sees.
    sample_rate : int [Hz]
        Of the cached waveforms.
    whole_run : Run
        Of which the seeds and the number of threads are read.

    Returns
    -------
    ModelPredictions
        The same in every process.

    Raises
    ------
    DataError
        When the weights or the card of a training are missing or damaged.
    """
    trainings = Trainings(protocol, name, settings=settings, whole_run=whole_run)
    network, card = trainings.first
    seen_samples = card["architecture"]["clip_samples"]
    counts = clip_counts(seen_samples, clip_samples=clip_samples)
    evaluated, scores = [], []
    for predictions in trainings.predict_counts(split, counts):
        evaluated.append(predictions[trainings.evaluated])
        scores.append(score_counts({n: predictions[n] for n in counts}, clip_s=seen_samples / sample_rate))
        del predictions  # before the next network makes its own
    results = Predictions.concatenate(evaluated)
    hardware = trainings.prepare(card)
    timeline = predict_timeline(
        network,
        card,
        trainings.loader,
        split,
        track_id=least_settled(results),
        sample_rate=sample_rate,
        hardware=hardware,
    )
    return ModelPredictions(
        results,
        clip_counts=count_table(scores),
        timeline=timeline,
        architecture=card["architecture"],
        is_rank_zero=hardware.processes.is_rank_zero,
    )
