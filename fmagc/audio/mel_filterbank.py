"""The mel filterbank: triangles on Slaney's scale, as librosa and the Auditory Toolbox have it.

librosa's own function gives the same numbers (the tests compare them), but importing it takes longer than transforming
a small corpus does, and every stage that reads spectrograms would pay that.
"""

import numpy as np
from numpy.typing import NDArray

from fmagc.params.signal import Mel

__all__ = ["band_edges", "hann", "mel_filterbank"]

_LINEAR_HZ = 200 / 3  # width of a mel below 1 kHz
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27  # of the natural logarithm a mel above 1 kHz


def hann(n: int) -> NDArray[np.float32]:
    """Return the periodic Hann window that spectral analysis uses, shape (n,)."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)).astype(np.float32)


def mel_filterbank(sr: int, settings: Mel) -> NDArray[np.float32]:
    """Compute the weight of each frequency bin in each band.

    Parameters
    ----------
    sr : int, Hz
    settings : Mel

    Returns
    -------
    np.ndarray [shape=(n_mels, 1 + n_fft // 2), float32]
        Triangles of equal area between neighbouring centres; a narrow low band may hold no bin at all.

    References
    ----------
    Slaney, M. (1998), "Auditory Toolbox, version 2", Interval Research Corporation, technical report 1998-010.
    """
    edges = band_edges(sr, settings)
    bins = np.fft.rfftfreq(settings.n_fft, 1 / sr)
    lower, centre, upper = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    weights = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    weights *= 2 / (upper - lower)
    return weights


def band_edges(sr: int, settings: Mel) -> NDArray[np.float64]:
    """Return the frequencies at which the bands begin, peak and end, (n_mels + 2,) in Hz: band b has b to b + 2."""
    fmax = sr / 2 if settings.fmax is None else settings.fmax
    return _to_hz(np.linspace(_to_mel(settings.fmin), _to_mel(fmax), settings.n_mels + 2))


def _to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _BREAK_HZ else _BREAK_MEL + float(np.log(hz / _BREAK_HZ)) / _LOG_STEP


def _to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, _LINEAR_HZ * mel, above)
