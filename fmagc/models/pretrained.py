"""A trained model on disk: weights as safetensors, and a card that says how to use them. Never a pickle."""

from pathlib import Path
from typing import Any

from fmagc.cache.normalisation import Normalisation
from fmagc.errors import DataError
from fmagc.models.networks import Network
from fmagc.models.registry import build
from fmagc.models.safetensors_io import unpack
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.artifact_store import Artifact, ArtifactStore
from fmagc.runtime.files import damaged, digest, read_record, write_record

__all__ = ["load_trained", "normalisation_of", "publish_trained"]


def publish_trained(folder: Path, weights: Artifact, card: dict[str, Any], *, store: ArtifactStore) -> None:
    """Put weights and card into a folder of their own; the card, written last, makes the model count.

    Parameters
    ----------
    folder : Path
    weights : Artifact
        As `training.checkpoints` keeps them.
    card : dict
        ``architecture`` (the keyword arguments of `models.registry.build`), ``genres``, ``waveform``, ``mel``,
        ``normalisation``, and whatever else a reader should know. The digest of the weights is added to it, and one of
        its own.
    store : ArtifactStore
        Which holds the weights.
    """
    store.publish(folder, [weights])
    write_record(folder / CARD, card | {"weights": weights.digest})


def load_trained(folder: Path, *, stage: str) -> tuple[Network, dict[str, Any]]:
    """Rebuild a trained model, in evaluation mode, and read its card.

    Raises
    ------
    DataError
        When weights or card are missing, damaged, or of another architecture.
    """
    card = read_record(folder / CARD, stage=stage)
    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected the weights of {folder / CARD}, found none: run `dvc checkout`") from None
    if digest(data) != card["weights"]:
        raise damaged(path, expected=card["weights"], found=digest(data), stage=stage)
    model = build(**card["architecture"])
    model.load_state_dict(unpack(data, like=model.state_dict(), path=path, remedy=f"run `dvc repro -f {stage}`"))
    model.eval()
    return model, card


def normalisation_of(card: dict[str, Any]) -> dict[str, Normalisation]:
    """Read the z-scores of a card by view: those of the views that its network reads."""
    return {view: Normalisation(**values) for view, values in card["normalisation"].items()}
