"""A trained model on disk: weights as safetensors, and a card that says how to use them. Never a pickle."""

import os
from pathlib import Path
from typing import Any

from fmagc.cache.normalisation import Normalisation
from fmagc.errors import DataError, SettingsError, format_list
from fmagc.models.build import build
from fmagc.models.card import Card, read_card
from fmagc.models.networks import Network
from fmagc.models.safetensors_io import pack, unpack
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.artifact_store import Artifact, ArtifactStore
from fmagc.runtime.files import damaged, digest, write_record

__all__ = ["load_trained", "normalisation_of", "publish_trained"]

_HEADER = 1 << 16  # bytes by which another version of safetensors may describe the same tensors


def publish_trained(folder: Path, weights: Artifact, card: dict[str, Any], *, store: ArtifactStore) -> None:
    """Put weights and card into a folder of their own; the card, written last, makes the model count.

    Parameters
    ----------
    folder : Path
    weights : Artifact
        As `training.checkpoints` keeps them.
    card : dict
        The fields of a `models.card.Card`, without the digest of the weights, which is added.
    store : ArtifactStore
        Which holds the weights.
    """
    store.publish(folder, [weights])
    whole = Card.model_validate(card | {"weights": weights.digest})
    write_record(folder / CARD, whole.model_dump())


def load_trained(folder: Path, *, stage: str) -> tuple[Network, dict[str, Any]]:
    """Rebuild a trained model, in evaluation mode, and read its card.

    Raises
    ------
    DataError
        When weights or card are missing, damaged, too large, not finite, or of another architecture.
    """
    card = read_card(folder / CARD, stage=stage)
    path, remedy = folder / WEIGHTS, f"run `dvc repro -f {stage}`"
    try:
        model = build(**card["architecture"])
    except SettingsError as error:
        raise DataError(f"{folder / CARD}: expected a network that can be built; {error}: {remedy}") from None
    data = _read_at_most(path, len(pack(model.state_dict())) + _HEADER, remedy=remedy)
    if digest(data) != card["weights"]:
        raise damaged(path, expected=card["weights"], found=digest(data), stage=stage)
    tensors = unpack(data, like=model.state_dict(), path=path, remedy=remedy)
    infinite = [name for name, tensor in tensors.items() if not tensor.isfinite().all()]
    if infinite:
        raise DataError(f"{path}: expected finite weights, found others in {format_list(infinite)}: {remedy}")
    model.load_state_dict(tensors)
    model.eval()
    return model, card


def _read_at_most(path: Path, n_bytes: int, *, remedy: str) -> bytes:
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > n_bytes:
                raise DataError(f"{path}: expected at most {n_bytes} bytes by its card, found {size}: {remedy}")
            return file.read(n_bytes)
    except FileNotFoundError:
        raise DataError(f"{path}: expected the weights of its {CARD}, found none: run `dvc checkout`") from None


def normalisation_of(card: dict[str, Any]) -> dict[str, Normalisation]:
    """Read the z-scores of a card by view: those of the views that its network reads."""
    return {view: Normalisation(**values) for view, values in card["normalisation"].items()}
