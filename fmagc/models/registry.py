"""Registry of the models by the names that params.yaml uses; a new model adds one line here."""

import difflib

from torch import nn

from fmagc.errors import SettingsError
from fmagc.models.networks import ClipShape, Cnn1d, Cnn2d, Crnn, MmCrnn, Network
from fmagc.params.signal import n_frames

__all__ = ["MODELS", "build", "count_parameters"]

MODELS: dict[str, type[Network]] = {
    "cnn1d": Cnn1d,
    "cnn2d": Cnn2d,
    "crnn": Crnn,
    "mmcrnn": MmCrnn,
}


def build(name: str, *, n_classes: int, dropout: float, clip_samples: int, hop_length: int, n_mels: int) -> Network:
    """Build a model with fresh weights, drawn from torch's global generator.

    Parameters
    ----------
    name : str
        A key of `MODELS`.
    n_classes : int
        Genres of the taxonomy.
    dropout : float in [0, 1)
    clip_samples : int
        Samples of a clip.
    hop_length : int
        Samples between two frames; a clip has clip_samples // hop_length of them.
    n_mels : int
        Bands of a frame.

    Raises
    ------
    SettingsError
        When no model has this name, or the model cannot read clips of this shape.
    """
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        advice = f" Did you mean {close[0]}?" if close else ""
        raise SettingsError(f"models: expected one of {', '.join(MODELS)}, found {name!r}.{advice}")
    clip = ClipShape(samples=clip_samples, frames=n_frames(clip_samples, hop_length=hop_length), n_mels=n_mels)
    return MODELS[name](n_classes=n_classes, dropout=dropout, clip=clip)


def count_parameters(model: nn.Module) -> int:
    """Count the trainable parameters of a model, without BatchNorm's running statistics."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
