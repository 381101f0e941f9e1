"""Signal primitives whose samples do not depend on the machine.

`snap` rounds the results of transcendental functions to a grid of 2**-30 (2**-40 for ratios next to 1), since libms and
SIMD units differ in the last bit. All that follows is addition, subtraction, multiplication and division, which IEEE
754 defines to the bit, in an order that no thread count and no BLAS decides: no dot product, no FFT, no `np.convolve`.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["CYCLE", "Signal", "comb", "decay", "diffuse", "glide", "lookup", "low_pass", "sine_table", "snap"]

Signal = NDArray[np.float64]

CYCLE = 2048  # samples in a stored period
_SILENT = 1e-9  # below this a filter's memory is over: -180 dB
_BLOCK = 1 << 14  # samples that stay in the second-level cache through the passes of a filter


def snap(value: Signal | float, *, bits: int = 30) -> Signal:
    """Round to multiples of 2**-bits, so that all machines go on from the same number."""
    return np.asarray(np.rint(np.asarray(value) * 2.0**bits) / 2.0**bits)


@lru_cache(maxsize=1)
def sine_table() -> Signal:
    """Return one period of a sine, shape (CYCLE,), not to be changed."""
    table = snap(np.sin(2 * np.pi * np.arange(CYCLE) / CYCLE))
    table.setflags(write=False)
    return table


def decay(samples: int, *, time_constant_s: float, sr: int) -> Signal:
    """Return exp(-t / time_constant_s), shape (samples,), by repeated doubling of a geometric series."""
    ratio = float(snap(np.exp(-1.0 / (time_constant_s * sr)), bits=40))
    envelope = np.ones(samples)
    done = 1
    while done < samples:
        more = min(done, samples - done)
        envelope[done : done + more] = envelope[:more] * ratio
        done += more
        ratio *= ratio
    return envelope


def lookup(table: Signal, cycles: Signal) -> Signal:
    """Read periods at a phase counted in cycles, between the stored samples by straight lines.

    Parameters
    ----------
    table : (..., CYCLE) float64
    cycles : (samples,) float64, not negative

    Returns
    -------
    (..., samples) float64
    """
    weight = cycles - np.floor(cycles)
    weight *= CYCLE
    left = weight.astype(np.intp)
    weight -= left
    y = np.take(np.roll(table, -1, axis=-1), left, axis=-1)
    y *= weight
    y += np.take(table, left, axis=-1) * (1.0 - weight)
    return y


def glide(samples: int, *, start_hz: float, end_hz: float, time_constant_s: float, sr: int) -> Signal:
    """Return the phase, in cycles, of a tone that falls exponentially from one frequency to another."""
    fall = decay(samples, time_constant_s=time_constant_s, sr=sr)
    return np.cumsum((end_hz + (start_hz - end_hz) * fall) / sr)  # cumsum adds in order, one after the other


def low_pass(x: Signal, *, cutoff_hz: float, sr: int) -> Signal:
    """Filter with one pole: y[n] = (1 - a) x[n] + a y[n - 1], a = exp(-2 pi cutoff_hz / sr).

    The recursion is unrolled by 1 / (1 - a z) = (1 + a z) (1 + a^2 z^2) (1 + a^4 z^4) ..., so it needs a few passes
    over the array instead of a loop over its samples. They are taken block by block, each with the samples before it
    that its own depend on.
    """
    a = float(snap(np.exp(-2 * np.pi * cutoff_hz / sr)))
    gain = 1.0 - a
    factors: list[float] = []
    while a > _SILENT and 1 << len(factors) < len(x):
        factors.append(a)
        a *= a
    reach = (1 << len(factors)) - 1
    y = np.empty_like(x)
    for start in range(0, len(x), _BLOCK):
        before = min(start, reach)
        block = x[start - before : start + _BLOCK] * gain
        for power, factor in enumerate(factors):
            step = 1 << power
            block[step:] += factor * block[:-step]
        y[start : start + _BLOCK] = block[before:]
    return y


def comb(x: Signal, *, delay: int, gain: float) -> Signal:
    """Filter y[n] = x[n] + gain y[n - delay], a block of `delay` samples at a time."""
    y = x.copy()
    for start in range(delay, len(y), delay):
        block = y[start : start + delay]
        block += gain * y[start - delay : start - delay + len(block)]
    return y


def diffuse(x: Signal, *, delay: int, gain: float = 0.5) -> Signal:
    """Filter with Schroeder's all-pass y[n] = -gain x[n] + x[n - delay] + gain y[n - delay]."""
    y = -gain * x
    y[delay:] += x[:-delay]
    return comb(y, delay=delay, gain=gain)
