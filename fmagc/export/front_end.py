"""The front end of the cache as operations that ONNX has: samples on the int16 grid, and their log-mel spectrogram.

The Fourier transform of n_fft = R * C samples is taken in two steps (Cooley and Tukey, 1965): R-point transforms of
every C-th sample, a turn of each value, and C-point transforms. As matrices they take a few hundred kilobytes; one
matrix for the whole would take n_fft ** 2 numbers.
"""

from math import gcd

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fmagc.audio.log_mel import AMIN
from fmagc.audio.mel_filterbank import band_edges, hann
from fmagc.audio.quantise import SILENCE_PEAK
from fmagc.params.signal import Mel

__all__ = ["LogMel", "to_grid"]

_FULL_SCALE = float(np.iinfo(np.int16).max)
_DB_PER_NEPER = 10 / np.log(10)  # of power


def to_grid(samples: Tensor) -> tuple[Tensor, Tensor]:
    """Round samples to the integers that the cache stores: `audio.quantise` as operations of a graph.

    Parameters
    ----------
    samples : Tensor [shape=(n,), float32]

    Returns
    -------
    integers : Tensor [shape=(n,), float32]
        From -32767 to 32767.
    scale : Tensor [shape=(), float32]
        The signal is ``scale * integers``.
    """
    peak = samples.abs().amax()
    is_silent = peak < SILENCE_PEAK
    scale = torch.where(is_silent, torch.ones_like(peak), peak / _FULL_SCALE)
    gain = torch.where(is_silent, torch.zeros_like(peak), 1 / scale)
    return (samples * gain).round(), scale


class LogMel(nn.Module):
    """The log-mel spectrogram of `audio.log_mel.LogMel`, as the cache stores it: rounded to float16.

    Parameters
    ----------
    sr : int [Hz]
    settings : Mel
    """

    window: Tensor
    rows_to_bins: Tensor
    turns: Tensor
    columns_to_bins: Tensor
    bins_hz: Tensor
    edges_hz: Tensor

    def __init__(self, sr: int, settings: Mel) -> None:
        super().__init__()
        n_fft = settings.n_fft
        self.hop_length, self.n_fft, self.top_db = settings.hop_length, n_fft, settings.top_db
        self.block = gcd(settings.hop_length, n_fft)  # frames are gathered in blocks: few, where lengths divide
        rows = 1 << n_fft.bit_length() // 2
        columns = n_fft // rows
        half = rows // 2 + 1  # of the bins k1 + rows * k2: real samples give the others once more
        k1, k2, n2 = np.arange(half), np.arange(columns), np.arange(columns)
        real, imaginary = _circle(np.outer(k1, np.arange(rows)), rows)
        self._constant("window", hann(n_fft).reshape(rows, columns))
        self._constant("rows_to_bins", np.stack([real, imaginary]))
        self._constant("turns", np.stack(_circle(np.outer(k1, n2), n_fft)))
        real, imaginary = _circle(np.outer(n2, k2), columns)
        self._constant("columns_to_bins", np.stack([np.vstack([real, -imaginary]), np.vstack([imaginary, real])]))
        self._constant("bins_hz", _frequencies(k1[:, None] + rows * k2, n_fft) * sr / n_fft, dtype=np.float64)
        self._constant("edges_hz", band_edges(sr, settings), dtype=np.float64)

    def forward(self, y: Tensor) -> Tensor:
        """Compute the spectrogram of a signal.

        Parameters
        ----------
        y : Tensor [shape=(n,), float32]

        Returns
        -------
        Tensor [shape=(n // hop_length, n_mels), float32, dB]
            Below the maximum of all centred frames, the dropped last one included.
        """
        power = self._power(self._frames(y))
        level: Tensor = power.flatten(1).matmul(self._filterbank()).clamp_min(AMIN).log() * _DB_PER_NEPER
        S_db = (level - level.amax()).clamp_min(-self.top_db)
        return S_db[:-1].half().float()

    def _frames(self, y: Tensor) -> Tensor:
        """Cut a signal into centred frames, (1 + n // hop_length, rows, columns), zeros around it."""
        n_hops = y.shape[0] // self.hop_length
        padded = nn.functional.pad(y, (self.n_fft // 2, self.n_fft // 2))
        blocks = padded[: n_hops * self.hop_length + self.n_fft].view(-1, self.block)
        first = torch.arange(n_hops + 1, device=y.device) * (self.hop_length // self.block)
        inside = torch.arange(self.n_fft // self.block, device=y.device)
        frames: Tensor = blocks[first[:, None] + inside].view(-1, *self.window.shape) * self.window
        return frames

    def _power(self, frames: Tensor) -> Tensor:
        """Compute the power of all bins, (frames, k1, k2); those of the mirrored half come twice."""
        real, imaginary = (matrix.matmul(frames) for matrix in self.rows_to_bins)
        cos, sin = self.turns
        turned = torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=2)
        real, imaginary = (turned.matmul(matrix) for matrix in self.columns_to_bins)
        return real.square() + imaginary.square()

    def _filterbank(self) -> Tensor:
        """Compute the triangles of the mel bands [shape=(bins, n_mels)]: as a constant they would take a megabyte."""
        lower, centre, upper = self.edges_hz[:-2], self.edges_hz[1:-1], self.edges_hz[2:]
        hz = self.bins_hz.flatten()[:, None]
        height = torch.minimum((hz - lower) / (centre - lower), (upper - hz) / (upper - centre)).clamp_min(0)
        return (height * (2 / (upper - lower))).float()

    def _constant(self, name: str, values: NDArray[np.floating], *, dtype: type = np.float32) -> None:
        self.register_buffer(name, torch.from_numpy(values.astype(dtype)))


def _circle(steps: NDArray[np.int64], n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the real and the imaginary part of ``exp(-2j * pi * steps / n)``."""
    angle = 2 * np.pi * (steps % n) / n
    return np.cos(angle), -np.sin(angle)


def _frequencies(k: NDArray[np.int64], n_fft: int) -> NDArray[np.int64]:
    """Return the bin of each index of a transform of real samples; -1, in no band, for the second of two equal ones."""
    mirrored = np.minimum(k, n_fft - k)
    _, first = np.unique(mirrored, return_index=True)
    return np.where(np.isin(np.arange(k.size), first).reshape(k.shape), mirrored, -1)
