"""A folder as the stage train leaves it, of a network that nobody trained."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from fmagc.cache.normalisation import Normalisation
from fmagc.models.registry import build
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.files import digest, write_bytes, write_record


def write_model(
    folder: Path, name: str, *, genres: Sequence[str], clip_samples: int, sample_rate: int, mel: Mel
) -> Path:
    """Write weights and card of a model that knows music of at most three seconds; return its folder."""
    architecture = {"name": name, "n_classes": len(genres), "dropout": 0.1, "clip_samples": clip_samples}
    architecture |= {"hop_length": mel.hop_length, "n_mels": mel.n_mels}
    torch.manual_seed(0)
    network = build(**architecture)
    weights = pack(network.state_dict())
    z_scores = {
        "waveform": Normalisation([0.0], [0.1], []),
        "mel": Normalisation([-30.0] * mel.n_mels, [12.0] * mel.n_mels, []),
    }
    card = {
        "architecture": architecture,
        "genres": list(genres),
        "seed": 0,
        "precision": "float32",
        "train": {"batch_size": 4},
        "waveform": {"sample_rate": sample_rate, "max_seconds": 3.0},
        "mel": mel.model_dump(),
        "normalisation": {view: asdict(z_scores[view]) for view in network.inputs},
        "weights": digest(weights),
    }
    write_bytes(folder / WEIGHTS, weights)
    write_record(folder / CARD, card)
    return folder
