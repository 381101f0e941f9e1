"""Build the network of a model of the registry."""

from torch import nn

from fmagc.models import networks
from fmagc.models.layouts import ClipShape
from fmagc.models.networks import Network
from fmagc.models.registry import model_named
from fmagc.params.signal import n_frames

__all__ = ["build", "count_parameters"]


def build(name: str, *, n_classes: int, dropout: float, clip_samples: int, hop_length: int, n_mels: int) -> Network:
    """Build a model with fresh weights, drawn from torch's global generator.

    Parameters
    ----------
    name : str
        A key of `registry.MODELS`.
    n_classes : int
        Genres of the taxonomy.
    dropout : float in [0, 1)
    clip_samples : int
        Samples of what the network sees, a clip or a patch.
    hop_length : int
        Samples between two frames; a clip has clip_samples // hop_length of them.
    n_mels : int
        Bands of a frame.

    Raises
    ------
    SettingsError
        When no model has this name, or the model cannot read clips of this shape.
    """
    model = model_named(name)
    clip = ClipShape(samples=clip_samples, frames=n_frames(clip_samples, hop_length=hop_length), n_mels=n_mels)
    model.require_readable(clip)
    network: Network = getattr(networks, model.network)(n_classes=n_classes, dropout=dropout, clip=clip)
    return network


def count_parameters(model: nn.Module) -> int:
    """Count the trainable parameters of a model, without BatchNorm's running statistics."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
