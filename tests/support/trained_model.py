"""A folder as the stage train leaves it, of a network that nobody trained."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from fmagc.cache.normalisation import Normalisation
from fmagc.models.build import build
from fmagc.models.registry import MODELS
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.params.training import Architecture
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.files import digest, write_bytes, write_record
from fmagc.tasks.task import TaskName
from tests.support.recipe import recipe


def write_model(
    folder: Path,
    name: str,
    *,
    genres: Sequence[str],
    clip_samples: int,
    sample_rate: int,
    mel: Mel,
    sharpness: float = 1.0,
    task: TaskName = "single",
) -> Path:
    """Write weights and card of a model that knows music of at most three seconds; return its folder.

    What multiplies the logits, `sharpness`, makes the probabilities of an untrained network differ.
    """
    architecture = {"name": name, "n_classes": len(genres), "dropout": 0.1, "clip_samples": clip_samples}
    architecture |= {"hop_length": mel.hop_length, "n_mels": mel.n_mels}
    torch.manual_seed(0)
    network = build(**architecture)
    *_, weight, bias = network.parameters()  # of the last layer
    with torch.no_grad():
        weight *= sharpness
        bias *= sharpness
    weights = pack(network.state_dict())
    card = card_of(architecture, genres=list(genres), max_seconds=3.0, sample_rate=sample_rate, mel=mel, task=task)
    write_bytes(folder / WEIGHTS, weights)
    write_record(folder / CARD, card | {"weights": digest(weights)})
    return folder


def card_of(
    architecture: dict[str, Any],
    *,
    genres: list[str],
    max_seconds: float,
    sample_rate: int,
    mel: Mel,
    task: TaskName = "single",
) -> dict[str, Any]:
    """Make a card, without the digest of its weights, of a training of three epochs."""
    z_score = {"waveform": Normalisation([0.0], [0.1], [])}
    z_score["mel"] = Normalisation([-30.0] * mel.n_mels, [12.0] * mel.n_mels, [])
    hardware = {"device": "cpu", "processes": 1, "precision_reason": "train.precision", "layout": "channels_last"}
    own = Architecture(dropout=architecture["dropout"], weight_decay=0.0)
    train = recipe(epochs=3, patience=3).model_dump() | own.model_dump()
    measured = dict.fromkeys(("loss", "accuracy", "precision", "recall", "f1", "average_precision"), 0.5)
    return {
        "task": task,
        "architecture": architecture,
        "seed": 0,
        "genres": genres,
        "precision": "float32",
        "hardware": hardware,
        "train": train,
        "waveform": {"sample_rate": sample_rate, "max_seconds": max_seconds},
        "mel": mel.model_dump(),
        "normalisation": {view: asdict(z_score[view]) for view in MODELS[architecture["name"]].inputs},
        "corpus": {"name": "fma_demo", "layout": "fma"},
        "caches": {"data/waves": digest(b"waves")},
        "parameters": 1,
        "best_epoch": 2,
        "validation": {"epoch": 2, "split": "val"} | measured,
    }
