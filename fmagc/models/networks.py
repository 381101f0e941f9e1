"""The networks: one or two encoders and a head; each takes named views of a clip and returns logits.

After Choi et al., "Convolutional recurrent neural networks for music classification" (2017), for the recurrent ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fmagc.models.encoders import Encoder, Encoder1d, Encoder2d, ShortChunkEncoder
from fmagc.models.heads import AttentionHead, ConcatPool, LstmHead, MlpHead, StatisticsPool
from fmagc.models.layouts import ClipShape

__all__ = ["AttentionCnn", "Cnn1d", "Cnn2d", "Crnn", "MmCrnn", "Network", "OneViewNetwork", "ResNet"]


class Network(nn.Module, ABC):
    """Base class of every model: a constructor with these three arguments, and `forward`."""

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips.

        Parameters
        ----------
        views : Mapping[str, Tensor]
            "waveform" [shape=(B, samples)] and "mel" [shape=(B, frames, n_mels)], float32 and normalised;
            those of the registry's `inputs` are read.

        Returns
        -------
        Tensor [shape=(B, n_classes)]
            Logits, which the activation of the task turns into probabilities.
        """


class OneViewNetwork(Network):
    """Base class of the networks of one view: an encoder, what pools its steps, and a head.

    Attributes
    ----------
    encoder : Encoder
    pool : nn.Module
        The identity where the head reads the steps themselves.
    head : nn.Module
    """

    encoder: Encoder
    pool: nn.Module
    head: nn.Module

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from the view of the encoder."""
        logits: Tensor = self.head(self.pool(self.encoder(views[self.encoder.view])))
        return logits


class Cnn1d(OneViewNetwork):
    """Convolutions on the waveform, pooled over time."""

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder1d()
        self.pool = ConcatPool()
        self.head = MlpHead(2 * self.encoder.out_channels, n_classes=n_classes, dropout=dropout)


class Cnn2d(OneViewNetwork):
    """Residual convolutions on the log-mel spectrogram, pooled over time."""

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder2d(n_mels=clip.n_mels)
        self.pool = ConcatPool()
        self.head = MlpHead(2 * self.encoder.out_channels, n_classes=n_classes, dropout=dropout)


class Crnn(OneViewNetwork):
    """Residual convolutions on the log-mel spectrogram, followed by an LSTM over time."""

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = Encoder2d(n_mels=clip.n_mels)
        self.pool = nn.Identity()
        self.head = LstmHead(self.encoder.out_channels, n_classes=n_classes, dropout=dropout)


class MmCrnn(Network):
    """Two encoders, one a view, concatenated at each time step and followed by an LSTM over time."""

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.waveform_encoder = Encoder1d()
        self.mel_encoder = Encoder2d(n_mels=clip.n_mels)
        channels = self.waveform_encoder.out_channels + self.mel_encoder.out_channels
        self.head = LstmHead(channels, n_classes=n_classes, dropout=dropout)

    def forward(self, views: Mapping[str, Tensor]) -> Tensor:
        """Compute the logits of a batch of clips from both views."""
        waveform = self.waveform_encoder(views["waveform"])  # (B, C, T)
        mel = self.mel_encoder(views["mel"])  # (B, C, T)
        logits: Tensor = self.head(torch.cat([waveform, mel], dim=1))
        return logits


class ResNet(OneViewNetwork):
    """Residual convolutions on a short chunk of the log-mel spectrogram, pooled over time band by band.

    After Won, Ferraro, Bogdanov & Serra, "Evaluation of CNN-based automatic music tagging models" (2020), scaled down.
    """

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = ShortChunkEncoder(n_mels=clip.n_mels)
        self.pool = StatisticsPool()
        self.head = MlpHead(2 * self.encoder.out_channels, n_classes=n_classes, dropout=dropout)


class AttentionCnn(OneViewNetwork):
    """Residual convolutions on a short chunk of the log-mel spectrogram, followed by self-attention over time.

    After Won, Chun & Serra, "Toward interpretable music tagging with self-attention" (2019), scaled down.
    """

    def __init__(self, *, n_classes: int, dropout: float, clip: ClipShape) -> None:
        super().__init__(n_classes=n_classes, dropout=dropout, clip=clip)
        self.encoder = ShortChunkEncoder(n_mels=clip.n_mels)
        self.pool = nn.Identity()
        self.head = AttentionHead(self.encoder.out_channels, n_classes=n_classes, dropout=dropout)
