"""SpecAugment: spans of frames and of bands are hidden, so that no single one decides.

Source: Park et al. (2019), "SpecAugment", without its time warping. As there, a mask acts on normalised spectrograms
and sets them to 0, the mean: here that of the training set, band by band.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fmagc.params.training import SpecAugment

__all__ = ["draw_masks", "mask_"]

Draws = NDArray[np.float64]


def draw_masks(setting: SpecAugment, rng: np.random.Generator, n_clips: int) -> Draws:
    """Draw width and place of each mask, both in [0, 1); of a clip that is left as it is, the widths are 0.

    Returns
    -------
    np.ndarray [shape=(n_clips, time_masks + band_masks, 2)]
        Rows of `mask_`'s argument.
    """
    draws = rng.random((n_clips, setting.time_masks + setting.band_masks, 2))
    draws[rng.random(n_clips) >= setting.p, :, 0] = 0
    return draws


def mask_(mel: Tensor, setting: SpecAugment, draws: Draws) -> None:
    """Mask clips in place.

    The width of a mask is uniform from 0 to its maximum, or to the length of the clip where that is less, and its
    place uniform among those where it fits.

    Parameters
    ----------
    mel : Tensor [shape=(B, frames, n_mels), float32]
        Normalised.
    draws : np.ndarray [shape=(B, time_masks + band_masks, 2)]
        From `draw_masks`.
    """
    frames, n_mels = mel.shape[1:]
    of_time, of_bands = np.split(draws, [setting.time_masks], axis=1)
    mel *= _kept(of_time, setting.max_frames, frames).to(mel.device)[:, :, None]  # faster than masked_fill_
    mel *= _kept(of_bands, setting.max_bands, n_mels).to(mel.device)[:, None, :]


def _kept(draws: Draws, longest: int, length: int) -> Tensor:
    """Mark what the masks of each clip leave of an axis [shape=(B, length), bool]."""
    widths = np.floor(draws[..., 0] * (min(longest, length) + 1))
    starts = np.floor(draws[..., 1] * (length - widths + 1))
    places = np.arange(length)
    inside = (places >= starts[..., np.newaxis]) & (places < (starts + widths)[..., np.newaxis])
    return torch.from_numpy(~inside.any(axis=1))
