"""One training from the cache to weights, card and history, going on from where an earlier run was stopped."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from fmagc.cache.clip_positions import clip_table
from fmagc.cache.normalisation import Normalisation
from fmagc.corpus.index import genres_of
from fmagc.dataset.clips import ClipLoader, fixed_batches, prefetch
from fmagc.devices.device import Hardware
from fmagc.devices.process_group import Processes, Share
from fmagc.errors import DataError
from fmagc.models.registry import MODELS, build, count_parameters
from fmagc.params.signal import Clip, Mel
from fmagc.params.training import Architecture, Train
from fmagc.paths import AUDIT
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, versions
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import digest, file_digest
from fmagc.training.batches import RandomBatches
from fmagc.training.checkpoints import Checkpoints
from fmagc.training.loop import Data, fit
from fmagc.training.loss import Criterion
from fmagc.training.state import State, history_of

__all__ = ["train_model"]

_LIBRARIES = ("lightning-fabric", "llvmlite", "numba", "numpy", "pandas", "safetensors", "scikit-learn", "torch")
_COPIES = 13  # of the parameters: two checkpoints and a draft of weights, best weights and two moments; some room


def train_model(
    name: str,
    split: pd.DataFrame,
    normalisation: dict[str, Normalisation],
    *,
    seed: int,
    settings: Train,
    own: Architecture,
    clip: Clip,
    mel: Mel,
    threads: int,
    hardware: Hardware,
    store: ArtifactStore,
    out: Path,
) -> tuple[Artifact, dict[str, Any], pd.DataFrame]:
    """Train a network on the training set of a split, stop by its validation set.

    Parameters
    ----------
    name : str
        Of the model.
    split : pd.DataFrame
        As `corpus.index.read_split`.
    normalisation : dict of str to Normalisation
        By view, of the training set; those that the model reads are used.
    seed : int
        Of the weights, of dropout, of the clips and their augmentation.
    settings, own, clip, mel : Train, Architecture, Clip, Mel
        Of the run and of the model.
    threads : int
        Of the CPU's arithmetic.
    hardware : Hardware
        Prepared for this precision, number of threads and seed.
    store : ArtifactStore
        Keeps the state of the training after every epoch, and its weights in the end; entered by the process that
        writes, and by no other.
    out : Path
        Where they will be published: looked at before anything starts.

    Returns
    -------
    weights : Artifact
        The best, for `models.pretrained.publish_trained`.
    card : dict
        How to build the network and what it expects, how it was made, its validation metrics.
    history : pd.DataFrame
        See `training.loop.fit`.

    Raises
    ------
    SettingsError, DataError
        As the parts do.
    Interrupted
        After SIGINT or SIGTERM.
    """
    processes = hardware.processes
    genres = genres_of(split)
    views = {view: normalisation[view] for view in MODELS[name].inputs}
    loader = ClipLoader.open(views, clip_samples=clip.samples, mel=mel)
    training, validation = (_tracks_of(loader, split, set_name, genres) for set_name in ("train", "val"))
    hardware.require_clips(len(training) // -(-len(training) // settings.batch_size))
    architecture: dict[str, Any] = {
        "name": name,
        "n_classes": len(genres),
        "dropout": own.dropout,
        "clip_samples": clip.samples,
        "hop_length": mel.hop_length,
        "n_mels": mel.n_mels,
    }
    model = build(**architecture)
    made_with: dict[str, Any] = {
        "architecture": architecture,
        "seed": seed,
        "genres": genres,
        "precision": hardware.precision,
        "hardware": hardware.described(),
        "train": settings.model_dump() | own.model_dump(),
        "waveform": loader.waveform,
        "mel": mel.model_dump(),
        "normalisation": {view: asdict(values) for view, values in views.items()},
        "caches": {folder.as_posix(): file_digest(folder / "manifest.json") for folder in loader.folders},
    }
    key = artifact_key(
        made_with
        | {"split": digest(split.to_csv(index=False).encode()), "threads": threads}
        | {"code": store.track_code(train_model), "made_with": versions(*_LIBRARIES)}
    )
    checkpoints = Checkpoints(store, key=key)
    weights = processes.broadcast_object(checkpoints.finished)
    if weights:
        log(f"{name}, seed {seed}: trained before, and nothing changed: reused; `rm -r {store.folder}` to train anew")
    else:
        n_bytes = 4 * _COPIES * count_parameters(model)
        processes.broadcast_object(lambda: store.prepare(out, n_bytes, reused=[], what=f"the checkpoints of {name}"))
        hardware.setup_model(model)
        state = State(model, lr=settings.lr, weight_decay=own.weight_decay)
        resumed = processes.broadcast_object(lambda: checkpoints.restore(state))
        _take_over(state, processes)
        labels = training["label"].tolist()
        criterion = Criterion(settings.class_balance, labels, n_classes=len(genres), device=hardware.device)
        data, n_clips = _data_of(loader, training, validation, settings=settings, seed=seed, share=processes.share)
        n_before = (state.epoch - 1) * n_clips + min(state.batch * settings.batch_size, len(training))
        with tqdm(
            total=n_clips * settings.epochs,
            initial=n_before,
            unit="clip",
            desc=name,
            disable=not processes.is_rank_zero,
        ) as progress:
            progress.write(f"{name}, seed {seed}: {count_parameters(model)} parameters on {hardware}")
            if resumed:
                progress.write(f"{store.folder}: going on in epoch {state.epoch}, after batch {state.batch}")
            fit(
                state,
                data,
                criterion=criterion,
                settings=settings,
                hardware=hardware,
                keep=lambda state: processes.broadcast_object(lambda: checkpoints.save(state)),
                progress=progress,
            )
        weights = processes.broadcast_object(lambda: checkpoints.finish(state))
    history, best_epoch = history_of(weights.record), weights.record["best_epoch"]
    results = {"parameters": count_parameters(model), "best_epoch": best_epoch}
    card = made_with | results | {"validation": _best_row(history, best_epoch)}
    return weights, card, pd.DataFrame(history)


def _tracks_of(loader: ClipLoader, split: pd.DataFrame, name: str, genres: list[str]) -> pd.DataFrame:
    rows = split[split["set"] == name]
    if rows.empty:
        raise DataError(f"set {name}: expected tracks in the split, found none: see {AUDIT}")
    return loader.tracks(rows, genres=genres)


def _take_over(state: State, processes: Processes) -> None:
    """Start every process from the writer's state."""
    if processes.share.of == 1:
        return
    tensors, record = processes.broadcast_object(
        lambda: ({name: tensor.cpu() for name, tensor in state.tensors().items()}, state.record())
    )
    if not processes.is_rank_zero:
        state.restore(tensors, record)


def _data_of(
    loader: ClipLoader, training: pd.DataFrame, validation: pd.DataFrame, *, settings: Train, seed: int, share: Share
) -> tuple[Data, int]:
    """Return what a process reads for the loop, and how many clips all of them read in an epoch."""
    train_eval, val_eval = (
        clip_table(tracks, clip_frames=loader.clip_frames, n_clips=1)
        for tracks in (_as_many(training, validation), validation)
    )
    random = RandomBatches(
        loader, training, batch_size=settings.batch_size, augment=settings.augment, seed=seed, share=share
    )
    data = Data(
        training=lambda epoch, skip: prefetch(random.epoch(epoch, skip=skip)),
        train_eval=lambda: prefetch(fixed_batches(loader, train_eval, batch_size=settings.batch_size, share=share)),
        validation=lambda: prefetch(fixed_batches(loader, val_eval, batch_size=settings.batch_size, share=share)),
    )
    return data, len(training) + len(train_eval) + len(val_eval)


def _as_many(training: pd.DataFrame, validation: pd.DataFrame) -> pd.DataFrame:
    """Choose of each genre as many training tracks as validation holds, from all over the set: the same for all seeds.

    A measure of all of them would cost a quarter of the training; of so many it is as certain as that of validation.
    """
    chosen = []
    for genre, n_validation in validation["genre"].value_counts().sort_index().items():
        rows = training[training["genre"] == genre]
        n_rows = min(len(rows), n_validation)
        chosen.append(rows.iloc[np.linspace(0, len(rows) - 1, n_rows).round().astype(int)])
    return pd.concat(chosen, ignore_index=True)


def _best_row(history: list[dict[str, Any]], best_epoch: int) -> dict[str, Any]:
    return next(row for row in history if row["epoch"] == best_epoch and row["split"] == "val")
