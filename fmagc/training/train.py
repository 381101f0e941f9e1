"""One training from the cache to weights, card and history."""

from dataclasses import asdict
from typing import Any

import pandas as pd
from torch import Tensor
from tqdm import tqdm

from fmagc.corpus.index import genres_of
from fmagc.files import file_digest
from fmagc.models.registry import MODELS, build, count_parameters
from fmagc.params.learning import Architecture, Train
from fmagc.params.signal import Clip, Mel
from fmagc.store.statistics import Normalisation
from fmagc.store.windows import clip_table
from fmagc.training.clips import ClipSource, ahead, fixed_batches, random_batches
from fmagc.training.fit import Fitted, fit
from fmagc.training.hardware import prepare

__all__ = ["train_model"]


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
) -> tuple[dict[str, Tensor], dict[str, Any], pd.DataFrame]:
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

    Returns
    -------
    state : dict of Tensor
        The best weights.
    card : dict
        How to build the network and what it expects, how it was made, its validation metrics.
    history : pd.DataFrame
        `training.fit.Fitted.history`.

    Raises
    ------
    SettingsError, DataError
        As the parts do.
    """
    hardware = prepare(settings.precision, threads=threads, seed=seed)
    genres = genres_of(split)
    views = {view: normalisation[view] for view in MODELS[name].inputs}
    source = ClipSource(views, clip_samples=clip.samples, mel=mel)
    training = source.tracks(split[split["set"] == "train"], genres=genres)
    validation = source.tracks(split[split["set"] == "val"], genres=genres)
    judged = clip_table(validation, clip_frames=source.clip_frames, n_clips=1)
    architecture: dict[str, Any] = {
        "name": name,
        "n_classes": len(genres),
        "dropout": own.dropout,
        "clip_samples": clip.samples,
        "hop_length": mel.hop_length,
        "n_mels": mel.n_mels,
    }
    model = build(**architecture)
    n_clips = (len(training) + len(judged)) * settings.epochs
    with tqdm(total=n_clips, unit="clip", desc=name) as progress:
        progress.write(f"{name}, seed {seed}: {count_parameters(model)} parameters on {hardware}")
        fitted = fit(
            model,
            training=lambda epoch: ahead(random_batches(source, training, settings=settings, seed=seed, epoch=epoch)),
            validation=lambda: fixed_batches(source, judged, batch_size=settings.batch_size),
            settings=settings,
            weight_decay=own.weight_decay,
            hardware=hardware,
            progress=progress,
        )
    card = {
        "architecture": architecture,
        "parameters": count_parameters(model),
        "seed": seed,
        "genres": genres,
        "best_epoch": fitted.best_epoch,
        "validation": _best_row(fitted),
        "precision": hardware.precision,
        "train": settings.model_dump() | own.model_dump(),
        "mel": mel.model_dump(),
        "normalisation": {view: asdict(values) for view, values in views.items()},
        "caches": {folder.as_posix(): file_digest(folder / "manifest.json") for folder in source.folders},
    }
    return fitted.state, card, pd.DataFrame(fitted.history)


def _best_row(fitted: Fitted) -> dict[str, Any]:
    return next(row for row in fitted.history if row["epoch"] == fitted.best_epoch and row["split"] == "val")
