"""Power in bands of eight frames at a time: window, Fourier transform, squares and weighted sums in one compiled pass.

A general FFT processes one frame after the other and fills half of a CPU's vector unit at best. Here a vector holds the
eight frames: every array stores, for each index, the values of all eight next to each other, so that all arithmetic
uses whole vectors, and the data of a block of frames stays in the second-level cache.

The transform is Stockham's self-sorting one in radix 4, of the even samples as real and the odd as imaginary parts.
Source: Van Loan (1992), "Computational Frameworks for the Fast Fourier Transform", sections 1.7 and 4.3.
"""

from functools import lru_cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from fmagc.runtime.compiled import compiled

__all__ = ["LANES", "band_power"]

LANES = 8  # frames side by side
_TILE = 64  # samples of which all eight frames stay in the first-level cache while they are put side by side

Array = NDArray[np.float32]

# Sums may be taken in another order than written, which vectors need; NaN and infinity stay what they are. The inner
# functions become part of the outer one, where lengths are constants: only then can the compiler prove that what is
# read and what is written lie apart, and drop the passes that a length does not need.
_FASTMATH = {"contract", "reassoc", "nsz"}
_inner = numba.njit(inline="always", fastmath=_FASTMATH)


def band_power(
    y: Array | NDArray[np.int16],
    *,
    scale: float,
    hop_length: int,
    window: Array,
    first_bin: NDArray[np.int64],
    ends: NDArray[np.int64],
    weights: Array,
) -> Array:
    """Compute the power in bands of every centred frame of a signal, padded with zeros on both sides.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), float32 or int16]
    scale : float
        The signal is ``scale * y`` in float32.
    hop_length : int, samples
        Frame f is centred on sample ``f * hop_length``.
    window : np.ndarray [shape=(n_fft,), float32]
        `n_fft` is a power of two from 64 to 65,536.
    first_bin, ends : ndarray of int64, shape (bands,) and (bands + 1,)
        Band b holds ``weights[ends[b]:ends[b + 1]]``, for the bins from ``first_bin[b]`` on.
    weights : ndarray of float32

    Returns
    -------
    np.ndarray [shape=(1 + n // hop_length, bands), float32]
    """
    n_fft, n_frames = len(window), 1 + len(y) // hop_length
    whole = -(-n_frames // LANES) * LANES
    padded = np.empty((whole - 1) * hop_length + n_fft, dtype=np.float32)
    end = min(n_fft // 2 + len(y), len(padded))
    padded[: n_fft // 2] = padded[end:] = 0
    np.multiply(y[: end - n_fft // 2], np.float32(scale), out=padded[n_fft // 2 : end])
    out = np.empty((whole, len(first_bin)), dtype=np.float32)
    _compiled(n_fft)(padded, hop_length, window, *_turns(n_fft), first_bin, ends, weights, out)
    return out[:n_frames]


@lru_cache(maxsize=2)
def _turns(n_fft: int) -> tuple[Array, Array, Array]:
    """Tabulate the factors of the transform: cosines and sines.

    Returns
    -------
    first : np.ndarray [shape=(6, n_fft // 8)]
        Of the first pass, which runs along the samples.
    others : np.ndarray [shape=(2, n_fft)]
        Of a transform of half the length.
    real : np.ndarray [shape=(2, n_fft // 2 * LANES)]
        To make a transform of real numbers from one of half the length, every number eight times.
    """
    half = n_fft // 2
    first = np.concatenate([_circle(half, power * np.arange(half // 4)) for power in (1, 2, 3)])
    return first, _circle(half, np.arange(n_fft)), np.repeat(_circle(n_fft, np.arange(half)), LANES, axis=1)


def _circle(n: int, steps: NDArray[np.int64]) -> Array:
    angle = 2 * np.pi * steps / n
    return np.stack([np.cos(angle), np.sin(angle)]).astype(np.float32)


@lru_cache(maxsize=2)
def _compiled(n_fft: int) -> Any:
    """Make the function for one length."""
    half = n_fft // 2
    imag = half * LANES  # all imaginary parts come after all real parts
    n_passes = (half.bit_length() - 1) // 2 - 1  # in radix 4, after the first
    odd = half.bit_length() % 2 == 0  # a power of two that is no power of four
    in_b = n_passes % 2 == 1  # where the passes in radix 4 leave their result

    @compiled(fastmath=_FASTMATH)
    def run(y, hop_length, window, first, others, real, first_bin, ends, weights, out):  # type: ignore[no-untyped-def]
        a, b = np.empty(2 * imag, dtype=np.float32), np.empty(2 * imag, dtype=np.float32)
        power = np.empty(imag + LANES, dtype=np.float32)
        for frame in range(0, out.shape[0], LANES):
            _first_pass(y[frame * hop_length :], hop_length, window, first, a, half)
            if n_passes >= 1:
                _pass4(a, b, others, half // 4, 4, half)
            if n_passes >= 2:
                _pass4(b, a, others, half // 16, 16, half)
            if n_passes >= 3:
                _pass4(a, b, others, half // 64, 64, half)
            if n_passes >= 4:
                _pass4(b, a, others, half // 256, 256, half)
            if n_passes >= 5:
                _pass4(a, b, others, half // 1024, 1024, half)
            if n_passes >= 6:
                _pass4(b, a, others, half // 4096, 4096, half)
            if odd and in_b:
                _pass2(b, a, half)
            elif odd:
                _pass2(a, b, half)
            if in_b != odd:
                _power(b, a, real, power, half)
            else:
                _power(a, b, real, power, half)
            _sum_bands(power, first_bin, ends, weights, out[frame : frame + LANES])

    return run


@_inner
def _first_pass(y, hop_length, window, turns, out, half):  # type: ignore[no-untyped-def]
    """Window eight frames, put them side by side, and take the first pass of the transform on the way."""
    imag, run, tile = half * LANES, half // 4, min(_TILE, half // 4)
    step = 2 * run
    for start in range(0, run, tile):
        c1, s1 = turns[0, start:], turns[1, start:]
        c2, s2 = turns[2, start:], turns[3, start:]
        c3, s3 = turns[4, start:], turns[5, start:]
        w = window[2 * start :]
        for lane in range(LANES):
            x, o = y[lane * hop_length + 2 * start :], out[4 * start * LANES + lane :]
            for p in range(tile):
                k, q = 2 * p, 4 * LANES * p
                ar, ai = x[k] * w[k], x[k + 1] * w[k + 1]
                br, bi = x[k + step] * w[k + step], x[k + step + 1] * w[k + step + 1]
                cr, ci = x[k + 2 * step] * w[k + 2 * step], x[k + 2 * step + 1] * w[k + 2 * step + 1]
                dr, di = x[k + 3 * step] * w[k + 3 * step], x[k + 3 * step + 1] * w[k + 3 * step + 1]
                sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
                ur, ui, vr, vi = br + dr, bi + di, bi - di, dr - br
                o[q], o[q + imag] = sr + ur, si + ui
                er, ei = tr + vr, ti + vi
                o[q + LANES], o[q + LANES + imag] = c1[p] * er + s1[p] * ei, c1[p] * ei - s1[p] * er
                er, ei = sr - ur, si - ui
                o[q + 2 * LANES], o[q + 2 * LANES + imag] = c2[p] * er + s2[p] * ei, c2[p] * ei - s2[p] * er
                er, ei = tr - vr, ti - vi
                o[q + 3 * LANES], o[q + 3 * LANES + imag] = c3[p] * er + s3[p] * ei, c3[p] * ei - s3[p] * er


@_inner
def _pass4(x, out, turns, n, stride, half):  # type: ignore[no-untyped-def]
    """Compute a radix-4 pass over `stride` interleaved transforms of length `n`."""
    imag, run, quarter = half * LANES, stride * LANES, n // 4
    step = quarter * run
    for p in range(quarter):
        c1, s1 = turns[0, p * stride], turns[1, p * stride]
        c2, s2 = turns[0, 2 * p * stride], turns[1, 2 * p * stride]
        c3, s3 = turns[0, 3 * p * stride], turns[1, 3 * p * stride]
        a, o = x[p * run :], out[4 * p * run :]
        for q in range(run):
            ar, ai, br, bi = a[q], a[q + imag], a[q + step], a[q + step + imag]
            cr, ci, dr, di = a[q + 2 * step], a[q + 2 * step + imag], a[q + 3 * step], a[q + 3 * step + imag]
            sr, si, tr, ti = ar + cr, ai + ci, ar - cr, ai - ci
            ur, ui, vr, vi = br + dr, bi + di, bi - di, dr - br
            o[q], o[q + imag] = sr + ur, si + ui
            er, ei = tr + vr, ti + vi
            o[q + run], o[q + run + imag] = c1 * er + s1 * ei, c1 * ei - s1 * er
            er, ei = sr - ur, si - ui
            o[q + 2 * run], o[q + 2 * run + imag] = c2 * er + s2 * ei, c2 * ei - s2 * er
            er, ei = tr - vr, ti - vi
            o[q + 3 * run], o[q + 3 * run + imag] = c3 * er + s3 * ei, c3 * ei - s3 * er


@_inner
def _pass2(x, out, half):  # type: ignore[no-untyped-def]
    """Compute the last pass, of transforms of length 2, when the length is no power of four."""
    imag, run = half * LANES, half // 2 * LANES
    for q in range(run):
        ar, ai, br, bi = x[q], x[q + imag], x[q + run], x[q + run + imag]
        out[q], out[q + imag] = ar + br, ai + bi
        out[q + run], out[q + run + imag] = ar - br, ai - bi


@_inner
def _power(x, reverse, turns, out, half):  # type: ignore[no-untyped-def]
    """Compute the power of the real transform from the half-length one; `reverse` takes its bins in reverse order."""
    imag = half * LANES
    for k in range(1, half):
        source, target = x[(half - k) * LANES :], reverse[k * LANES :]
        for lane in range(LANES):
            target[lane] = source[lane]
        for lane in range(LANES):
            target[lane + imag] = source[lane + imag]
    for lane in range(LANES):
        even, odd = x[lane], x[imag + lane]
        out[lane], out[imag + lane] = (even + odd) ** 2, (even - odd) ** 2
    cosine, sine = turns[0], turns[1]
    for q in range(LANES, imag):
        even_re, even_im = x[q] + reverse[q], x[q + imag] - reverse[q + imag]
        odd_re, odd_im = x[q + imag] + reverse[q + imag], reverse[q] - x[q]
        re = even_re + cosine[q] * odd_re + sine[q] * odd_im
        im = even_im + cosine[q] * odd_im - sine[q] * odd_re
        out[q] = np.float32(0.25) * (re * re + im * im)


@_inner
def _sum_bands(power, first_bin, ends, weights, out):  # type: ignore[no-untyped-def]
    """Sum the bins of each band; the eight sums are named one by one to stay in registers."""
    for band in range(first_bin.size):
        a = b = c = d = e = f = g = h = np.float32(0)
        w, p = weights[ends[band] : ends[band + 1]], power[first_bin[band] * LANES :]
        for k in range(w.size):
            v, q = w[k], k * LANES
            a += v * p[q]
            b += v * p[q + 1]
            c += v * p[q + 2]
            d += v * p[q + 3]
            e += v * p[q + 4]
            f += v * p[q + 5]
            g += v * p[q + 6]
            h += v * p[q + 7]
        column = out[:, band]
        column[0], column[1], column[2], column[3] = a, b, c, d
        column[4], column[5], column[6], column[7] = e, f, g, h
