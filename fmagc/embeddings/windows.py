"""Windows of a cached track as an encoder takes them: samples at its own rate, or frames of the log-mel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from fmagc.cache.clip_starts import evenly_spaced
from fmagc.params.encoders import Encoder
from fmagc.params.signal import Mel, Waveform

__all__ = ["WindowCutter"]


@dataclass(frozen=True)
class WindowCutter:
    """Cuts cached tracks into the windows of an encoder.

    Attributes
    ----------
    shape : tuple of int
        Of a window: (samples,) or (frames, bands).
    rate : int, Hz
        Of the samples that the encoder takes; of a spectrogram's, those that it was taken of.
    cached_rate : int, Hz
    floor : float
        What stands for silence behind a track that is shorter than a window.
    """

    shape: tuple[int, ...]
    rate: int
    cached_rate: int
    floor: float

    @classmethod
    def of(cls, settings: Encoder, *, waveform: Waveform, mel: Mel) -> "WindowCutter":
        """Make the cutter of an encoder, for caches of these settings."""
        cached = waveform.sample_rate
        if settings.input == "mel":
            n_frames = max(1, round(settings.seconds * cached / mel.hop_length))
            return cls((n_frames, mel.n_mels), cached, cached, -mel.top_db)
        rate = settings.sample_rate or cached
        return cls((max(1, round(settings.seconds * rate)),), rate, cached, 0.0)

    def cut(self, values: NDArray[Any], *, scale: float) -> NDArray[np.float32]:
        """Cut as few windows as cover a track, evenly spaced from end to end: neighbours overlap, nothing is left out.

        Parameters
        ----------
        values : np.ndarray [shape=(n,) or (frames, bands)]
            A row of the cache.
        scale : float
            Of a waveform, ``y = scale * values``; 1 for a spectrogram.

        Returns
        -------
        np.ndarray [shape=(N, *shape), float32]
        """
        y = values.astype(np.float32) * np.float32(scale)
        if self.rate != self.cached_rate:
            y = soxr.resample(y, self.cached_rate, self.rate, quality="HQ")
        size = self.shape[0]
        if len(y) < size:
            y = np.concatenate([y, np.full((size - len(y), *y.shape[1:]), self.floor, dtype=np.float32)])
        starts = evenly_spaced(len(y), clip_frames=size)
        return np.stack([y[start : start + size] for start in starts])
