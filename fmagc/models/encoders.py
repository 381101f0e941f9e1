"""Encoders map one view of a clip to (B, C, T) and carry `out_channels` and `time_stride` for the head."""

from itertools import pairwise

from torch import Tensor, nn

from fmagc.models.conv import OneChannelConv2d
from fmagc.models.layouts import Layout, Layout1d, Layout2d, ShortChunkLayout

__all__ = ["Encoder", "Encoder1d", "Encoder2d", "ShortChunkEncoder"]


class Encoder(Layout, nn.Module):
    """Base class of the encoders: the layers of a layout.

    Attributes
    ----------
    out_channels : int
        C of the output, which is (B, C, T).
    """

    out_channels: int


class ConvStage(nn.Sequential):
    """Conv1d, BatchNorm, ReLU and MaxPool, padded so that time shrinks by exactly stride * pool."""

    def __init__(self, in_channels: int, out_channels: int, *, kernel: int, stride: int, pool: int) -> None:
        super().__init__(
            nn.Conv1d(in_channels, out_channels, kernel, stride=stride, padding=(kernel - stride) // 2),
            nn.BatchNorm1d(out_channels),
            nn.ReLU(),
            nn.MaxPool1d(pool),
        )


class Encoder1d(Layout1d, Encoder):
    """Four convolution stages on the waveform, with the largest stride first; a step is 2**14 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.out_channels = self.widths[-1]
        self.stages = nn.Sequential()
        for (n_in, n_out), kernel, stride, pool in zip(
            pairwise(self.widths), self.kernels, self.strides, self.pools, strict=True
        ):
            self.stages.append(ConvStage(n_in, n_out, kernel=kernel, stride=stride, pool=pool))

    def forward(self, waveform: Tensor) -> Tensor:
        """Encode a batch of waveforms.

        Parameters
        ----------
        waveform : Tensor [shape=(B, samples), float32, normalised]

        Returns
        -------
        Tensor [shape=(B, C, T)]
        """
        encoded: Tensor = self.stages(waveform.unsqueeze(1))
        return encoded


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions beside a projected shortcut, ReLU after their sum, then a 2x2 MaxPool.

    Notes
    -----
    ReLU and max-pooling commute, so the pool runs first: ReLU then sees a quarter of the values.

    After He et al., "Deep residual learning for image recognition" (2016), with a projection in every block.
    """

    def __init__(self, in_channels: int, out_channels: int, *, band_stride: int) -> None:
        super().__init__()
        stride = (1, band_stride)  # (time, bands)
        conv = OneChannelConv2d if in_channels == 1 else nn.Conv2d
        self.body = nn.Sequential(
            conv(in_channels, out_channels, 3, stride=stride, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = nn.Sequential(conv(in_channels, out_channels, 1, stride=stride), nn.BatchNorm2d(out_channels))
        self.activation = nn.ReLU()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_in, time, bands) to (B, C_out, time / 2, bands / (2 * band_stride))."""
        y: Tensor = self.activation(self.pool(self.body(x) + self.shortcut(x)))
        return y


class Encoder2d(Layout2d, Encoder):
    """Four residual blocks on the log-mel spectrogram; the bands shrink to exactly one, and a step is 16 frames.

    Each of the four pools halves the bands. Strides in the first blocks, where they save the most work, do the rest:
    128 bands need a stride of two in three blocks, 16 bands in none.

    Parameters
    ----------
    n_mels : int
        Bands of the spectrogram: 16, 32, 64, 128 or 256.

    Raises
    ------
    SettingsError
        When halving cannot end at exactly one band.
    """

    def __init__(self, *, n_mels: int) -> None:
        super().__init__()
        self.out_channels = self.widths[-1]
        self.blocks = nn.Sequential(
            *(
                ResidualBlock(n_in, n_out, band_stride=stride)
                for (n_in, n_out), stride in zip(pairwise(self.widths), self.band_strides(n_mels), strict=True)
            )
        )

    def forward(self, mel: Tensor) -> Tensor:
        """Encode a batch of spectrograms, time-major as the cache holds them.

        Parameters
        ----------
        mel : Tensor [shape=(B, frames, n_mels), float32, normalised]

        Returns
        -------
        Tensor [shape=(B, C, T)]
        """
        # The channel is added by unsqueeze alone: declaring this one-channel tensor channels_last by strides of one
        # crashes the float32 backward pass of torch 2.13 on CPU. Weights in channels_last are enough for the rest.
        encoded: Tensor = self.blocks(mel.unsqueeze(1))  # (B, C, T, 1)
        return encoded.squeeze(3)


class ShortChunkEncoder(ShortChunkLayout, Encoder):
    """Residual blocks on the log-mel spectrogram of a short clip; the bands that are left become channels.

    Parameters
    ----------
    n_mels : int
        Bands of the spectrogram, a multiple of `ShortChunkLayout.n_bands`.

    Raises
    ------
    SettingsError
        When it is none.
    """

    def __init__(self, *, n_mels: int) -> None:
        super().__init__()
        self.average = nn.AvgPool1d(self.bands_averaged(n_mels))
        self.blocks = nn.Sequential(
            *(ResidualBlock(n_in, n_out, band_stride=1) for n_in, n_out in pairwise(self.widths))
        )
        self.out_channels = self.widths[-1] * (self.n_bands // 2 ** len(self.blocks))

    def forward(self, mel: Tensor) -> Tensor:
        """Encode a batch of spectrograms, as `Encoder2d.forward` does."""
        encoded: Tensor = self.blocks(self.average(mel).unsqueeze(1))  # (B, width, T, bands)
        return encoded.transpose(2, 3).flatten(1, 2)
