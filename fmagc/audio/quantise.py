"""Resample a waveform and quantise it to int16 with one scale, as the cache stores it."""

import numpy as np
import soxr
from numpy.typing import NDArray

from fmagc.audio.raw_audio import joined
from fmagc.errors import Reason, RejectedTrack
from fmagc.params.signal import Waveform

__all__ = ["LARGEST_PEAK", "SILENCE_PEAK", "most_samples", "quantise"]

SILENCE_PEAK = 2.0**-24  # below it there is nothing but the decoder's rounding, which int16 must not blow up

LARGEST_PEAK = 2.0**40  # beyond it a spectrum's power may exceed float32; samples written as int32 reach 2**31

_FULL_SCALE = 32767
_STEP = 61  # samples from one of the few to the next: each costs a cache line
_LEAST_LEFT = 1e-3  # the least share of samples that are not 0 in int16 when the peak is above full scale


def most_samples(settings: Waveform) -> int:
    """Return how many samples a decoded track has at most."""
    return round(settings.max_seconds * settings.sample_rate) + 1  # a resampler may round up


def quantise(
    y: NDArray[np.float32],
    *,
    sr: int,
    settings: Waveform,
    min_samples: int,
    out: NDArray[np.int16],
    warnings: str = "",
) -> tuple[NDArray[np.int16], float, float]:
    """Resample a waveform and quantise it to int16 with one scale, as the cache stores it.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), float32]
        Mono; may be overwritten.
    sr : int [Hz]
        Its sample rate.
    settings : Waveform
        The sample rate that is wanted.
    min_samples : int
        Shorter waveforms, after resampling, are rejected.
    out : np.ndarray [shape=(`most_samples` or more,), int16]
        Takes the samples.
    warnings : str
        Of the decoder, for the detail of a rejection.

    Returns
    -------
    samples : np.ndarray [shape=(m,), int16]
        The beginning of `out`.
    scale : float
        ``y = scale * samples``.
    peak : float
        Largest absolute sample of y.

    Raises
    ------
    RejectedTrack
        When a sample is not finite, there are too few, or the peak is extreme: above `LARGEST_PEAK`, or above full
        scale and so far above the rest that fewer than one sample in a thousand is not 0 in int16.
    """
    peak = _peak(y)
    if not np.isfinite(peak):
        count = int(np.count_nonzero(~np.isfinite(y)))
        raise RejectedTrack(Reason.NON_FINITE, joined(f"{count} of {len(y)} samples", warnings))
    _refuse_extreme(y, peak, sr=sr)
    if sr != settings.sample_rate:
        y = soxr.resample(y, sr, settings.sample_rate, quality="HQ")
        peak = _peak(y)
    if len(y) < min_samples:
        sr = settings.sample_rate
        counted = f"{len(y)} samples at {sr} Hz, needs {min_samples}"
        raise RejectedTrack(Reason.TOO_SHORT, f"{len(y) / sr:.2f} s, needs {min_samples / sr:.2f} s ({counted})")
    samples, scale = _to_int16(y, peak, out)
    return samples, scale, peak


def _refuse_extreme(y: NDArray[np.float32], peak: float, *, sr: int) -> None:
    """Reject a waveform whose peak is so high that int16 samples, scaled to it, would be almost all zero."""
    least = np.float32(peak / _FULL_SCALE / 2)
    # a few of the positive samples settle it for nearly every file, without a copy of its absolute values
    if peak <= 1 or (peak <= LARGEST_PEAK and np.count_nonzero(y[::_STEP] > least) >= _LEAST_LEFT * len(y)):
        return
    left = np.count_nonzero(np.abs(y) > least)
    if peak > LARGEST_PEAK or left < _LEAST_LEFT * len(y):
        place = int(np.argmax(np.abs(y)))
        raise RejectedTrack(
            Reason.EXTREME_PEAK,
            f"a peak of {peak:.4g} at {place / sr:.2f} s, where full scale is 1: scaled to it, {left} of {len(y)} "
            "samples are not 0 in int16",
        )


def _peak(y: NDArray[np.float32]) -> float:
    """Find the largest absolute sample; NaN where there is one."""
    return max(float(y.max()), -float(y.min())) if len(y) > 0 else 0.0


def _to_int16(y: NDArray[np.float32], peak: float, out: NDArray[np.int16]) -> tuple[NDArray[np.int16], float]:
    """Quantise into `out`; y is overwritten."""
    samples = out[: len(y)]
    if peak < SILENCE_PEAK:
        samples[:] = 0
        return samples, 1.0
    scale = np.float32(peak / _FULL_SCALE)
    y *= np.float32(1) / scale
    np.rint(y, out=samples, casting="unsafe")
    return samples, float(scale)
