"""Layouts of the encoders, without torch: how far their stages shrink a clip, and which clips they can read."""

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from fmagc.errors import SettingsError

__all__ = ["ClipShape", "Layout", "Layout1d", "Layout2d", "ShortChunkLayout"]

_STUDY = (1, 16, 32, 64, 128)  # the widths of both of the study's encoders


@dataclass(frozen=True, kw_only=True)
class ClipShape:
    """Size of one clip in each view."""

    samples: int  # of the waveform
    frames: int  # of the spectrogram
    n_mels: int  # bands of a frame
    setting: str = "clip.samples"  # the key of params.yaml that decides the length, for messages


class Layout:
    """Base class of what an encoder is before it has layers.

    Attributes
    ----------
    view : str
        The view that the encoder reads: "waveform" or "mel".
    widths : tuple of int
        Channels before, between and after its stages.
    time_stride : int
        Samples or frames of the view for each of the T steps.
    """

    view: ClassVar[str]
    widths: ClassVar[tuple[int, ...]]
    time_stride: ClassVar[int]

    @classmethod
    def n_steps(cls, clip: ClipShape) -> int:
        """Count the time steps T that the encoder makes of one clip.

        Raises
        ------
        SettingsError
            When it can make none.
        """
        length, unit = (clip.samples, "samples") if cls.view == "waveform" else (clip.frames, "frames")
        if length < cls.time_stride:
            raise SettingsError(
                f"{clip.setting}: expected at least {cls.time_stride} {unit}, one step of the encoder of the "
                f"{cls.view}, found {length} {unit}"
            )
        return length // cls.time_stride


class Layout1d(Layout):
    """Layout of `encoders.Encoder1d`: four stages, the largest stride first."""

    view = "waveform"
    widths = _STUDY
    kernels = (256, 32, 16, 8)
    strides = (64, 2, 2, 2)
    pools = (4, 2, 2, 2)
    time_stride = prod(strides) * prod(pools)


class Layout2d(Layout):
    """Layout of `encoders.Encoder2d`: four blocks; each halves time once, and the bands once or twice."""

    view = "mel"
    widths = _STUDY
    n_blocks = len(widths) - 1
    time_stride = 2**n_blocks

    @classmethod
    def n_steps(cls, clip: ClipShape) -> int:
        """Count the time steps of one clip, if its bands can end at one."""
        cls.band_strides(clip.n_mels)
        return super().n_steps(clip)

    @classmethod
    def band_strides(cls, n_mels: int) -> tuple[int, ...]:
        """Choose the stride of each block over the bands, so that they end at one: 2 in the first blocks, then 1.

        Raises
        ------
        SettingsError
            When halving cannot end at exactly one band.
        """
        n = cls.n_blocks
        allowed = [2 ** (n + n_strided) for n_strided in range(n + 1)]
        if n_mels not in allowed:
            raise SettingsError(
                f"mel.n_mels: expected one of {', '.join(map(str, allowed))}, because {n} blocks of the 2-D encoder "
                f"halve the bands {n} to {2 * n} times and must end at 1 band, found {n_mels}"
            )
        n_strided = allowed.index(n_mels)
        return (2,) * n_strided + (1,) * (n - n_strided)


class ShortChunkLayout(Layout):
    """Layout of `encoders.ShortChunkEncoder`: bands averaged to a few, then blocks that halve time and bands."""

    view = "mel"
    widths = (1, 16, 32, 64)
    n_bands = 32  # after the average
    time_stride = 2 ** (len(widths) - 1)

    @classmethod
    def n_steps(cls, clip: ClipShape) -> int:
        """Count the time steps of one clip, if its bands can be averaged."""
        cls.bands_averaged(clip.n_mels)
        return super().n_steps(clip)

    @classmethod
    def bands_averaged(cls, n_mels: int) -> int:
        """Count the neighbouring bands that become one.

        Raises
        ------
        SettingsError
            When the bands cannot be shared out evenly.
        """
        if n_mels % cls.n_bands:
            raise SettingsError(
                f"mel.n_mels: expected a multiple of {cls.n_bands}, the bands to which the encoder of short chunks "
                f"averages them, found {n_mels}"
            )
        return n_mels // cls.n_bands
