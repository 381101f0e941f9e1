"""Predict the tracks of a split with all trainings of one model."""

from dataclasses import dataclass

import pandas as pd

from fmagc.devices.device import prepare
from fmagc.evaluation.clips_per_track import clip_counts
from fmagc.evaluation.predictions import Predictions
from fmagc.inference.predict_tracks import open_loader, predict_tracks
from fmagc.inference.timeline import least_settled, predict_timeline
from fmagc.models.pretrained import load_trained
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.paths import training_folder

__all__ = ["ModelPredictions", "predict_model"]


@dataclass(frozen=True)
class ModelPredictions:
    """Predictions of a model, by its number of clips for each track too, and along one track.

    Attributes
    ----------
    results : Predictions
        Of the clips by which it is evaluated, of all training seeds.
    by_count : dict of int to Predictions
        Of numbers of clips to compare (`evaluation.clips_per_track.clip_counts`), of all training seeds.
    clip_s : float [seconds]
        Length of a clip.
    timeline : pd.DataFrame
        As `timeline.predict_timeline` gives it, of the first seed, for the test track whose clips differ most.
    architecture : dict
        The keyword arguments of `models.build.build`.
    is_rank_zero : bool
        True in the process that writes files.
    """

    results: Predictions
    by_count: dict[int, Predictions]
    clip_s: float
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
    trained = [
        load_trained(training_folder(protocol, name, seed), stage=f"train@{protocol}-{name}-{seed}")
        for seed in whole_run.seeds
    ]
    model, card = trained[0]
    loader = open_loader(card)  # the seeds of one model share their data and settings
    seen_samples = card["architecture"]["clip_samples"]
    evaluated = None if card["train"]["patch_samples"] else settings.clips
    counts = {evaluated, *clip_counts(seen_samples, clip_samples=clip_samples)}
    by_seed = []
    for network, own_card in trained:
        hardware = prepare(own_card["precision"], threads=whole_run.threads, seed=own_card["seed"])
        by_seed.append(
            predict_tracks(
                network,
                own_card,
                loader,
                split,
                protocol=protocol,
                counts=counts,
                crop=settings.crop,
                overlap=settings.overlap,
                hardware=hardware,
            )
        )
    by_count = {count: Predictions.concatenate([own[count] for own in by_seed]) for count in counts}
    timeline = predict_timeline(
        model,
        card,
        loader,
        split,
        track_id=least_settled(by_count[evaluated]),
        sample_rate=sample_rate,
        hardware=hardware,
    )
    return ModelPredictions(
        by_count[evaluated],
        {count: own for count, own in by_count.items() if count is not None},
        clip_s=seen_samples / sample_rate,
        timeline=timeline,
        architecture=card["architecture"],
        is_rank_zero=hardware.processes.is_rank_zero,
    )
