"""Run one training and publish its weights: what the stages train and share do alike."""

from collections.abc import Mapping
from contextlib import nullcontext

import pandas as pd

from fmagc.cache.normalisation import Normalisation
from fmagc.devices.device import Hardware
from fmagc.models.pretrained import publish_trained
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.training.data import TrainingData
from fmagc.training.job import TrainingJob
from fmagc.training.train import Trained, train_model

__all__ = ["run_training"]


def run_training(
    job: TrainingJob, split: pd.DataFrame, normalisation: Mapping[str, Normalisation], *, hardware: Hardware
) -> Trained:
    """Train a network, or find that it was trained before, and publish weights and card in the folder of the job.

    Parameters
    ----------
    split, normalisation
        As for `TrainingData`.
    hardware : Hardware
        Prepared for the precision, the threads and the seed of the job.

    Raises
    ------
    SettingsError, DataError, Interrupted
        As `train_model` does.
    """
    data = TrainingData(job, split, normalisation)
    store, processes = ArtifactStore(job.store), hardware.processes
    with store if processes.is_rank_zero else nullcontext():
        trained = train_model(job, data, store=store, hardware=hardware)
        processes.broadcast_object(lambda: publish_trained(job.folder, trained.weights, trained.card, store=store))
    return trained
