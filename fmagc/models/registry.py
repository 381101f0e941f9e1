"""Registry of the models by the names that params.yaml uses; a new model adds one line here.

It imports no torch, so that the settings are checked at once; `models.build` makes the networks.
"""

import difflib
from dataclasses import dataclass

from fmagc.errors import SettingsError
from fmagc.models.layouts import ClipShape, Layout, Layout1d, Layout2d, ShortChunkLayout

__all__ = ["MODELS", "Model", "model_named"]


@dataclass(frozen=True)
class Model:
    """A network without its layers.

    Attributes
    ----------
    network : str
        Its class in `models.networks`.
    encoders : tuple of Layout
        Those of its encoders; one that reads several views joins them step by step.
    """

    network: str
    encoders: tuple[type[Layout], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The views that the network reads, among "waveform" and "mel"; a loader need read no others."""
        return tuple(encoder.view for encoder in self.encoders)

    def require_readable(self, clip: ClipShape) -> None:
        """Raise SettingsError if the network cannot read clips of this shape."""
        n_steps = [encoder.n_steps(clip) for encoder in self.encoders]
        if len(set(n_steps)) > 1:
            hop_length = self.encoders[0].time_stride // self.encoders[1].time_stride
            raise SettingsError(
                f"{clip.setting} and mel.hop_length: expected as many steps from both encoders, found {n_steps[0]} "
                f"from {clip.samples} samples and {n_steps[1]} from {clip.frames} frames; with a hop_length of "
                f"{hop_length} they agree"
            )


MODELS: dict[str, Model] = {
    "cnn1d": Model("Cnn1d", (Layout1d,)),
    "cnn2d": Model("Cnn2d", (Layout2d,)),
    "crnn": Model("Crnn", (Layout2d,)),
    "mmcrnn": Model("MmCrnn", (Layout1d, Layout2d)),
    "resnet": Model("ResNet", (ShortChunkLayout,)),
    "attention_cnn": Model("AttentionCnn", (ShortChunkLayout,)),
}


def model_named(name: str) -> Model:
    """Look up a model.

    Raises
    ------
    SettingsError
        When no model has this name.
    """
    if name not in MODELS:
        close = difflib.get_close_matches(name, MODELS, n=1)
        advice = f" Did you mean {close[0]}?" if close else ""
        raise SettingsError(f"models: expected one of {', '.join(MODELS)}, found {name!r}.{advice}")
    return MODELS[name]
