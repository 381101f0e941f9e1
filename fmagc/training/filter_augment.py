"""FilterAugment: a random, smooth gain over the mel bands, as other rooms and loudspeakers have it.

Source: Nam et al. (2022), "FilterAugment: An acoustic environmental data augmentation method", its linear type.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.params.training import FilterAugment

__all__ = ["draw_gains", "filter_"]

Gains = NDArray[np.float32]


def draw_gains(setting: FilterAugment, rng: np.random.Generator, n_clips: int, *, n_mels: int) -> Gains:
    """Draw the gain of each band: linear in dB between the ends of a random number of segments of random lengths.

    Returns
    -------
    np.ndarray [shape=(n_clips, n_mels), float32, dB]
        Within max_db of 0; 0 for a clip that is left as it is.
    """
    most = setting.max_segments
    chosen = rng.random(n_clips) < setting.p
    n_segments = rng.integers(setting.min_segments, most, n_clips, endpoint=True)
    inner = rng.random((n_clips, most - 1))
    ends_db = rng.uniform(-setting.max_db, setting.max_db, (n_clips, most + 1))
    places = np.linspace(0, 1, n_mels)
    gains = np.zeros((n_clips, n_mels), np.float32)
    for clip in np.flatnonzero(chosen):
        n = n_segments[clip]
        gains[clip] = np.interp(places, [0, *np.sort(inner[clip, : n - 1]), 1], ends_db[clip, : n + 1])
    return gains


def filter_(mel: Tensor, gains: Gains, factor: Tensor) -> None:
    """Add gains to clips in place. The floor of a quiet clip moves with them, as a real filter would move it.

    Parameters
    ----------
    mel : Tensor [shape=(B, frames, n_mels), float32]
        Normalised.
    gains : np.ndarray [shape=(B, n_mels), float32, dB]
        From `draw_gains`.
    factor : Tensor [shape=(n_mels,)]
        By which normalisation multiplies dB.
    """
    mel += (torch.from_numpy(gains).to(mel.device) * factor.to(mel.device))[:, None, :]
