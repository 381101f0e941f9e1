"""The networks: one or two encoders and a head; each takes named views of a clip and returns logits.

After Choi et al., "Convolutional recurrent neural networks for music classification" (2017), for the recurrent ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from fmagc.errors import SettingsError
from fmagc.models.encoders import Encoder1d, Encoder2d
from fmagc.models.heads import ConcatPool, LstmHead, MlpHead

__all__ = ["ClipShape", "Cnn1d", "Cnn2d", "Crnn", "MmCrnn", "Network"]


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """Size of one clip in each view."""

    samples: int  # of the waveform
    frames: int  # of the spectrogram
    n_mels: int  # bands of a frame


class Network(nn.Module, ABC):
    """Base class of every model: a constructor with these three arguments, `inputs`, and `forward`.

    Attributes
    ----------
    inputs : tuple[str, ...]
        The views that `forward` reads, among "waveform" and "mel"; a loader need read no others.
    """

    inputs: ClassVar[tuple[str, ...]]

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips.

        Parameters
        ----------
        views : Mapping[str, Tensor]
            "waveform" [shape=(B, samples)] and "mel" [shape=(B, frames, n_mels)], float32 and normalised;
            those of `inputs` are read.

        Returns
        -------
        Tensor [shape=(B, n_classes)]
            Logits, before softmax.
        """


class Cnn1d(Network):
    """Convolutions on the waveform, pooled over time."""

    inputs = ("waveform",)

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder1d()
        _steps(self.encoder, clip.samples, unit="samples")
        self.pool = ConcatPool()
        self.head = MlpHead(2 * self.encoder.out_channels, n_classes=n_classes, dropout=dropout)

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from their waveforms."""
        logits: Tensor = self.head(self.pool(self.encoder(views["waveform"])))
        return logits


class Cnn2d(Network):
    """Residual convolutions on the log-mel spectrogram, pooled over time."""

    inputs = ("mel",)

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder2d(n_mels=clip.n_mels)
        _steps(self.encoder, clip.frames, unit="frames")
        self.pool = ConcatPool()
        self.head = MlpHead(2 * self.encoder.out_channels, n_classes=n_classes, dropout=dropout)

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from their spectrograms."""
        logits: Tensor = self.head(self.pool(self.encoder(views["mel"])))
        return logits


class Crnn(Network):
    """Residual convolutions on the log-mel spectrogram, followed by an LSTM over time."""

    inputs = ("mel",)

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder2d(n_mels=clip.n_mels)
        _steps(self.encoder, clip.frames, unit="frames")
        self.head = LstmHead(self.encoder.out_channels, n_classes=n_classes, dropout=dropout)

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from their spectrograms."""
        logits: Tensor = self.head(self.encoder(views["mel"]))
        return logits


class MmCrnn(Network):
    """Two encoders, one a view, concatenated at each time step and followed by an LSTM over time.

    Raises
    ------
    SettingsError
        When the two encoders would not give the same number of steps for a clip.
    """

    inputs = ("waveform", "mel")

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.waveform_encoder = Encoder1d()
        self.mel_encoder = Encoder2d(n_mels=clip.n_mels)
        waveform_steps = _steps(self.waveform_encoder, clip.samples, unit="samples")
        mel_steps = _steps(self.mel_encoder, clip.frames, unit="frames")
        if waveform_steps != mel_steps:
            raise SettingsError(
                f"clip.samples and mel.hop_length: expected as many steps from both encoders, found {waveform_steps} "
                f"from {clip.samples} samples and {mel_steps} from {clip.frames} frames; with a hop_length of "
                f"{self.waveform_encoder.time_stride // self.mel_encoder.time_stride} they agree"
            )
        channels = self.waveform_encoder.out_channels + self.mel_encoder.out_channels
        self.head = LstmHead(channels, n_classes=n_classes, dropout=dropout)

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from both views."""
        waveform = self.waveform_encoder(views["waveform"])  # (B, C, T)
        mel = self.mel_encoder(views["mel"])  # (B, C, T)
        logits: Tensor = self.head(torch.cat([waveform, mel], dim=1))
        return logits


def _steps(encoder: Encoder1d | Encoder2d, length: int, *, unit: str) -> int:
    """Count the time steps T that an encoder makes of one clip; raise SettingsError if there is none."""
    if length < encoder.time_stride:
        raise SettingsError(
            f"clip.samples: expected at least {encoder.time_stride} {unit}, one step of {type(encoder).__name__}, "
            f"found {length} {unit}"
        )
    return length // encoder.time_stride
