"""Clips of music for augmentations, their mel power, and plans of what is drawn."""

from functools import lru_cache

import librosa
import numpy as np
from numpy.typing import NDArray

from fmagc.params.training import Augmentation, GaussianNoise, TimeStretch
from fmagc.training.augment import ClipTransform, MelNoise, sample

Array = NDArray[np.float32]

SR, HOP, N_FFT, N_MELS, TOP_DB = 44100, 1024, 4096, 128, 80.0
FRAMES = 128  # a clip of 3 s: a quarter of the published one
SLOWER, FASTER = 103, 160  # frames of the window for rates of about 0.8 and exactly 1.25
AMPLITUDE = 0.01

STRETCH = TimeStretch(name="time_stretch", p=1.0, min_rate=0.8, max_rate=1.25)
NOISE = GaussianNoise(name="gaussian_noise", p=1.0, min_amplitude=0.001, max_amplitude=0.015)


@lru_cache
def mel_noise() -> MelNoise:
    """White noise in librosa's mel bands, from first principles: each bin's power is the window's energy."""
    bank = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS).astype(np.float64)
    window = librosa.filters.get_window("hann", N_FFT)
    energy = np.sum(window**2)
    coherence = np.abs(np.fft.fft(window**2) / energy) ** 2  # between the powers of bins so far apart
    variance = np.sum(bank**2, axis=1)
    for lag in (1, 2):
        variance += 2 * coherence[lag] * np.sum(bank[:, lag:] * bank[:, :-lag], axis=1)
    return MelNoise(
        band_power=bank.sum(axis=1) * energy, effective_bins=bank.sum(axis=1) ** 2 / variance, top_db=TOP_DB
    )


def mel_power(y: Array) -> Array:
    """Librosa's mel power, time-major, without the last frame, as the cache has it."""
    S = librosa.feature.melspectrogram(y=y, sr=SR, n_fft=N_FFT, hop_length=HOP, n_mels=N_MELS)
    return S.T[: len(y) // HOP]


def decibels(S: Array, *, ref_db: float) -> Array:
    S_db = 10 * np.log10(np.maximum(S, 1e-10)) - ref_db
    return np.maximum(S_db, -TOP_DB).astype(np.float32)


@lru_cache
def longest_music() -> Array:
    rng = np.random.default_rng(3)
    t = np.arange(FASTER * HOP) / SR
    y = 1e-3 * rng.standard_normal(len(t))
    for k, root in enumerate((220.0, 293.7, 246.9, 329.6, 196.0, 261.6, 220.0)):
        start = SR * k // 2
        since = t[: len(t) - start]
        for ratio in (1, 1.25, 1.5):
            for partial in range(1, 9):
                tone = np.sin(2 * np.pi * root * ratio * partial * since) * np.exp(-3 * since) / partial
                y[start:] += 0.08 * tone
    return y.astype(np.float32)


def music(n: int) -> Array:
    """Plucked chords of decaying partials, one each half second, over a faint hiss."""
    return longest_music()[:n].copy()


def only(
    *settings: Augmentation, seed: int = 0, available: int = 10 * FRAMES, noise: MelNoise | None = None
) -> ClipTransform:
    rng = np.random.default_rng(seed)
    return sample(settings, rng, frames=FRAMES, available=available, noise=noise or mel_noise())
