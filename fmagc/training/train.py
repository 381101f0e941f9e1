"""One training from the cache to weights, card and history, resumed where an earlier run was stopped."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from fmagc.devices.device import Hardware
from fmagc.devices.process_group import Processes
from fmagc.models.build import build, count_parameters
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, versions
from fmagc.runtime.entrypoint import log
from fmagc.training.checkpoints import Checkpoints
from fmagc.training.data import TrainingData
from fmagc.training.job import TrainingJob
from fmagc.training.loop import Trainer
from fmagc.training.loss import CRITERIA
from fmagc.training.state import State, history_of

__all__ = ["Trained", "raise_logits", "train_model"]

_LIBRARIES = ("lightning-fabric", "llvmlite", "numba", "numpy", "pandas", "safetensors", "scikit-learn", "torch")


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes
    ----------
    weights : Artifact
        The best, for `models.pretrained.publish_trained`.
    card : dict
        How to build the network and what it expects, how it was made, its validation metrics.
    history : pd.DataFrame
        See `training.loop.Trainer.fit`.
    """

    weights: Artifact
    card: dict[str, Any]
    history: pd.DataFrame


def train_model(job: TrainingJob, data: TrainingData, *, store: ArtifactStore, hardware: Hardware) -> Trained:
    """Train a network on the training tracks, and stop by the validation tracks.

    Parameters
    ----------
    store : ArtifactStore
        Keeps the state of the training after every epoch, and its weights in the end; entered by rank zero, and by no
        other process.
    hardware : Hardware
        Prepared for the precision, the threads and the seed of the job.

    Raises
    ------
    SettingsError
        When a batch is smaller than the number of GPUs.
    DataError
        As `training.loop.Trainer.fit` and `Checkpoints.restore` do, and when the disk lacks room.
    Interrupted
        After SIGINT or SIGTERM.
    """
    hardware.require_clips(data.smallest_batch)
    model = build(**job.build_arguments(len(data.labels.genres)))
    made_with = _describe(job, data, hardware)
    checkpoints = Checkpoints(store, key=_key(job, data, made_with, store))
    weights = hardware.processes.broadcast_object(checkpoints.finished)
    if weights:
        log(f"{job}: trained before, and nothing changed: reused; `rm -r {store.folder}` to train again")
    else:
        weights = _fit(model, job, data, checkpoints=checkpoints, hardware=hardware)
    history, best_epoch = history_of(weights.record), weights.record["best_epoch"]
    best = next(row for row in history if row["epoch"] == best_epoch and row["split"] == "val")
    results = {"parameters": count_parameters(model), "best_epoch": best_epoch, "validation": best}
    corpus = {"corpus": job.corpus.model_dump()}  # no part of the key: it decides no weight
    return Trained(weights, made_with | corpus | results, pd.DataFrame(history))


def _describe(job: TrainingJob, data: TrainingData, hardware: Hardware) -> dict[str, Any]:
    return {
        "task": data.labels.task.name,
        "architecture": job.build_arguments(len(data.labels.genres)),
        "seed": job.seed,
        "genres": list(data.labels.genres),
        "precision": hardware.precision,
        "hardware": hardware.described(),
        "train": job.train.model_dump() | job.architecture.model_dump(),
        **data.record(),
    }


def _key(job: TrainingJob, data: TrainingData, made_with: dict[str, Any], store: ArtifactStore) -> str:
    """Compute the key from everything that decides the weights."""
    machine = {"threads": job.threads, "made_with": versions(*_LIBRARIES)}
    # of a clip, as much music as is measured of a track, architecture knows nothing where a model has a patch
    read = {"tracks": data.tracks_digest(), "clip": job.clip.model_dump(), "code": store.track_code(train_model)}
    return artifact_key(made_with | machine | read)


def _fit(
    model: nn.Module, job: TrainingJob, data: TrainingData, *, checkpoints: Checkpoints, hardware: Hardware
) -> Artifact:
    """Fit a network from its latest checkpoint, or from the start, and return the best weights."""
    processes, n_parameters = hardware.processes, count_parameters(model)
    labels, codes = data.labels, data.training["label"].tolist()
    criterion = CRITERIA[labels.task.name](job.train.class_balance, codes, labels=labels, device=hardware.device)
    hardware.setup_model(model)
    raise_logits(model, criterion.start)
    state = State(model, weight_decay=job.architecture.weight_decay)
    processes.broadcast_object(lambda: checkpoints.prepare(job.folder, state))
    resumed = processes.broadcast_object(lambda: checkpoints.restore(state))
    _broadcast(state, processes)
    n_before = (state.epoch - 1) * data.n_clips + data.n_trained(state.batch)
    n_clips, silent = data.n_clips * job.train.epochs, not processes.is_rank_zero
    with tqdm(total=n_clips, initial=n_before, unit="clip", desc=job.model, disable=silent) as progress:
        progress.write(f"{job}: {n_parameters} parameters on {hardware}")
        if resumed:
            progress.write(f"{checkpoints.folder}: going on in epoch {state.epoch}, after batch {state.batch}")
        trainer = Trainer(state, labels=labels, criterion=criterion, settings=job.train, hardware=hardware)
        trainer.fit(
            data.batches(processes.share),
            save=lambda state: processes.broadcast_object(lambda: checkpoints.save(state)),
            progress=progress,
        )
    return processes.broadcast_object(lambda: checkpoints.finish(state))


@torch.no_grad()
def raise_logits(model: nn.Module, by: Tensor) -> None:
    """Add to the bias of the last layer, a linear one in every network."""
    *_, bias = model.parameters()
    bias.add_(by)


def _broadcast(state: State, processes: Processes) -> None:
    """Copy the state of rank zero to every process."""
    if processes.share.of == 1:
        return
    tensors, record = processes.broadcast_object(
        lambda: ({name: tensor.cpu() for name, tensor in state.tensors().items()}, state.record())
    )
    if not processes.is_rank_zero:
        state.restore(tensors, record)
