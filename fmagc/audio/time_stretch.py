"""Time stretch of samples at the same pitch, in less than a millisecond a clip: WSOLA.

Source: Verhelst and Roelands (1993), "An overlap-add technique based on waveform similarity (WSOLA) for high quality
time-scale modification of speech".
"""

import numpy as np
from numpy.typing import NDArray

from fmagc.runtime.compiled import compiled

__all__ = ["HOP", "SEARCH_RADIUS", "wsola"]

Array = NDArray[np.float32]

HOP = 1024  # of the result, between two segments; each is faded in over one hop and out over the next
SEARCH_RADIUS = 640  # samples to either side in which a segment is searched: a whole period of anything above 34 Hz
_COARSE = 8  # the search runs on means of so many samples, then on samples
_FADE = (np.sin(np.pi / 2 * (np.arange(HOP) + 0.5) / HOP) ** 2).astype(np.float32)

# Sums may be taken in another order than written, which vectors need: the same order on every run of one machine.
_jit = compiled(nogil=True, fastmath={"contract", "reassoc", "nsz"})


def wsola(y: Array, *, n_out: int) -> Array:
    """Change the length of a waveform and keep its pitch.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), float32]
        Where it is shorter than two hops, silence follows it.
    n_out : int > 0
        Samples of the result, n / 2 to 2 * n.

    Returns
    -------
    np.ndarray [shape=(n_out,), float32]

    Notes
    -----
    The result is an overlap-add of segments of y, each two hops long, one hop apart. The rate gives the target
    position of a segment in y. The segment is taken within SEARCH_RADIUS of that target, where its beginning differs
    least from the samples that follow the previous segment in y: partials continue in phase, and nothing is
    resampled, so the pitch stays the same. The cost of a position is the squared difference relative to the energy,
    plus the squared distance from the target relative to SEARCH_RADIUS. Cuts therefore fall into the sustained part
    of a note, not into its attack.

    The sample j is a mixture of two samples of y, each within SEARCH_RADIUS + HOP * abs(1 - n / n_out) of j * n /
    n_out: 20 ms at 44.1 kHz for the rates 0.8 and 1.25. This error does not add up. Within one hop of the end of a
    result that is no whole number of hops long it is at most one hop more. The fades sum to one, which keeps the
    level where the two segments match; noise, which never matches, is at most 1.2 dB softer. Where attacks follow
    each other too closely for a cut between them, one may be repeated or left out.
    """
    rate = len(y) / n_out
    if len(y) < 2 * HOP:  # compiled code does not look at bounds
        y = np.concatenate([y, np.zeros(2 * HOP - len(y), np.float32)])
    coarse = np.empty(len(y) // _COARSE, np.float32)
    _average(y, coarse)
    padded = np.concatenate([y, np.zeros(HOP, np.float32)])  # the last segment has nothing to fade out into
    artifacts = np.empty((-(-n_out // HOP), HOP), np.float32)
    _overlap_add(padded, coarse, _FADE, rate, artifacts)
    clip: Array = artifacts.reshape(-1)[:n_out]
    return clip


@_jit
def _average(y, coarse):  # type: ignore[no-untyped-def]
    """Compute the mean of every _COARSE samples."""
    for k in range(len(coarse)):
        total = np.float32(0)
        for j in range(_COARSE):
            total += y[k * _COARSE + j]
        coarse[k] = total / np.float32(_COARSE)


@_jit
def _overlap_add(y, coarse, fade, rate, artifacts):  # type: ignore[no-untyped-def]
    """Cross-fade each segment into the next; the segment before the first begins one hop before y."""
    last = len(y) - 2 * HOP  # where the latest segment may begin
    follows = 0
    for k in range(len(artifacts)):
        wanted = min(max(round((k + 1) * HOP * rate) - HOP, 0), last)
        start = _nearest(y, coarse, follows, max(wanted - SEARCH_RADIUS, 0), min(wanted + SEARCH_RADIUS, last), wanted)
        before, after, row = y[follows:], y[start:], artifacts[k]
        for j in range(HOP):
            row[j] = before[j] + fade[j] * (after[j] - before[j])
        follows = start + HOP


@_jit
def _nearest(y, coarse, follows, low, high, wanted):  # type: ignore[no-untyped-def]
    """Find the segment start from low to high that best matches what follows, by means first and then by samples."""
    n = HOP // _COARSE
    end = len(coarse) - n
    there = min(follows // _COARSE, end)
    energy = np.float32(1e-12)  # silence agrees with silence
    for j in range(there, there + n):
        energy += coarse[j] * coarse[j]
    best, least = -1, np.inf
    if low <= follows <= high:  # then nothing differs
        least = ((follows - wanted) / SEARCH_RADIUS) ** 2
    for start in range(-(-low // _COARSE), min(high // _COARSE, end) + 1):
        score = ((start * _COARSE - wanted) / SEARCH_RADIUS) ** 2
        if score < least:
            score += _difference(coarse[start:], coarse[there:], n) / energy
            if score < least:
                best, least = start, score
    if best < 0:
        return min(max(follows, low), high)
    centre = min(max(best * _COARSE + follows - there * _COARSE, low), high)
    best, least = centre, np.inf
    for start in range(max(centre - _COARSE, low), min(centre + _COARSE, high) + 1):
        score = _difference(y[start:], y[follows:], HOP)
        if score < least:
            best, least = start, score
    return best


@_jit
def _difference(a, b, n):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for j in range(n):
        total += (a[j] - b[j]) * (a[j] - b[j])
    return total
