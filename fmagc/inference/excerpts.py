"""Excerpts of a file or of an array, quantised as the cache stores a track: the input of a `Predictor`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.decode import decode_whole
from fmagc.audio.quantise import most_samples, quantise
from fmagc.audio.raw_audio import excerpt_starts
from fmagc.params.signal import Fallback, Mel, Waveform

__all__ = ["Excerpt", "ExcerptReader"]


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """A recording, or a part of a long one.

    Attributes
    ----------
    n_samples : int
        Length at the sample rate of the network.
    scale : float
        ``y = scale * samples``.
    samples : np.ndarray [shape=(n_samples,), int16] or None
        None where the network does not read them.
    S_db : np.ndarray [shape=(n_frames, n_mels), float16, dB] or None
        Likewise.
    start_s, file_s : float [seconds]
        Where in the recording it begins, and how long the recording is.
    silent : bool
        True when no sample is above the decoder's rounding.
    """

    n_samples: int
    scale: float
    samples: NDArray[np.int16] | None
    S_db: NDArray[np.float16] | None
    start_s: float
    file_s: float
    silent: bool


@dataclass(frozen=True, kw_only=True)
class ExcerptReader:
    """Reads the excerpts of a recording that a network needs; it can be sent to a worker process.

    Attributes
    ----------
    views : tuple of str
        ``waveform``, ``mel`` or both.
    waveform, mel : Waveform, Mel
        The signals that the network was trained on.
    min_samples : int
        Shorter recordings, after resampling, are rejected.
    fallback : str
        As for `decode_whole`.
    """

    views: tuple[str, ...]
    waveform: Waveform
    mel: Mel
    min_samples: int
    fallback: Fallback = "none"

    def prepare(self) -> None:
        """Compile what the first recording would otherwise wait for."""
        if "mel" in self.views:
            from fmagc.audio.log_mel import compile_log_mel  # here and below: only who reads it waits for the compiler

            compile_log_mel(self.waveform.sample_rate, self.mel)

    def __call__(self, path: Path) -> list[Excerpt]:
        """Decode a file.

        Raises
        ------
        RejectedTrack
            As `decode_whole` does.
        """
        return [
            self._excerpt(decoded.samples, decoded.scale, start_s=decoded.start_s, file_s=decoded.file_s)
            for decoded in decode_whole(
                path, settings=self.waveform, min_samples=self.min_samples, fallback=self.fallback
            )
        ]

    def from_array(self, y: NDArray[Any], *, sr: int) -> list[Excerpt]:
        """Make the excerpts that a file with these samples would give.

        Parameters
        ----------
        y : np.ndarray [shape=(n,), float]
            Mono, full scale is 1.
        sr : int > 0 [Hz]
            Its sample rate; another than that of training is resampled.

        Raises
        ------
        ValueError
            When y is not one-dimensional or not of floats.
        RejectedTrack
            When a sample is not finite, or there are too few.
        """
        if y.ndim != 1 or not np.issubdtype(y.dtype, np.floating):
            raise ValueError(f"y: expected mono samples as floats, shape (n,), found {y.dtype} of shape {y.shape}")
        keep = round(self.waveform.max_seconds * sr)
        excerpts = []
        for start in excerpt_starts(len(y), keep=keep, whole=True):
            samples, scale, _ = quantise(
                y[start : start + keep].astype(np.float32),
                sr=sr,
                settings=self.waveform,
                min_samples=self.min_samples,
                out=np.empty(most_samples(self.waveform), dtype=np.int16),
            )
            excerpts.append(self._excerpt(samples, scale, start_s=start / sr, file_s=len(y) / sr))
        return excerpts

    def _excerpt(self, samples: NDArray[np.int16], scale: float, *, start_s: float, file_s: float) -> Excerpt:
        S_db = None
        if "mel" in self.views:
            from fmagc.cache.build.mel_worker import spectrogram

            exact, _ = spectrogram(samples, scale, settings=self.mel, sample_rate=self.waveform.sample_rate)
            S_db = exact.astype(np.float16)
        return Excerpt(
            n_samples=len(samples),
            scale=scale,
            samples=samples if "waveform" in self.views else None,
            S_db=S_db,
            start_s=start_s,
            file_s=file_s,
            silent=not samples.any(),
        )
