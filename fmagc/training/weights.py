"""A trained model on disk: weights as safetensors, and a card that says how to use them. Never a pickle."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_model, save
from torch import Tensor

from fmagc.errors import DataError
from fmagc.files import read_json, write_bytes, write_json
from fmagc.models.networks import Network
from fmagc.models.registry import build
from fmagc.params.signal import Mel
from fmagc.store.statistics import Normalisation
from fmagc.training.clips import ClipSource
from fmagc.training.outputs import CARD

__all__ = ["load_trained", "save_trained", "source_of"]

_WEIGHTS = "weights.safetensors"


def save_trained(folder: Path, state: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Write weights and card; the card, written last, makes the model count.

    Parameters
    ----------
    folder : Path
        One of its own.
    state : dict of Tensor
        The model's state.
    card : dict
        ``architecture`` (the keyword arguments of `models.registry.build`), ``genres``, ``mel``, ``normalisation``,
        and whatever else a reader should know.
    """
    write_bytes(folder / _WEIGHTS, save({name: value.contiguous() for name, value in state.items()}))
    write_json(folder / CARD, card)


def load_trained(folder: Path, *, made_by: str) -> tuple[Network, dict[str, Any]]:
    """Rebuild a trained model, in evaluation mode, and read its card.

    Raises
    ------
    DataError
        When weights or card are missing, damaged, or of another architecture.
    """
    card: dict[str, Any] = read_json(folder / CARD, made_by=made_by)
    model = build(**card["architecture"])
    try:
        load_model(model, folder / _WEIGHTS, strict=True)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(
            f"{folder / _WEIGHTS}: expected the weights of {card['architecture']}, found {error}: run `dvc checkout`, "
            f"or `dvc repro -f {made_by}`"
        ) from None
    model.eval()
    return model, card


def source_of(card: dict[str, Any]) -> ClipSource:
    """Open the cache as the network of a card was trained on it."""
    normalisation = {view: Normalisation(**values) for view, values in card["normalisation"].items()}
    return ClipSource(
        normalisation, clip_samples=card["architecture"]["clip_samples"], mel=Mel.model_validate(card["mel"])
    )
