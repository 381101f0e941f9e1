"""What a worker does with one file: the excerpts that a network is to judge, stored as the cache stores a track."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.decode import decode_whole
from fmagc.cache.build.mel_worker import spectrogram
from fmagc.params.signal import Mel, Waveform

__all__ = ["Excerpt", "load_excerpts"]


@dataclass(frozen=True)
class Excerpt:
    """A file, or a part of a long one.

    Attributes
    ----------
    n_samples : int
    scale : float
        ``y = scale * samples``.
    samples : ndarray of int16, shape (n_samples,), or None
        None where the network does not read them.
    S_db : ndarray of float16, shape (n_frames, n_mels), dB, or None
        Likewise.
    start_s, file_s : float, s
        Where in the file it begins, and how long the file is.
    """

    n_samples: int
    scale: float
    samples: NDArray[np.int16] | None
    S_db: NDArray[np.float16] | None
    start_s: float
    file_s: float


def load_excerpts(
    path: Path, *, views: tuple[str, ...], waveform: Waveform, mel: Mel, min_samples: int
) -> list[Excerpt]:
    """Decode a file and take what a network reads of it.

    Parameters
    ----------
    path : Path
    views : tuple of str
        ``waveform``, ``mel`` or both.
    waveform, mel : Waveform, Mel
        As the network was trained.
    min_samples : int, samples
        Of a clip.

    Raises
    ------
    RejectedTrack
        As `decode_whole` does.
    """
    excerpts = []
    for decoded in decode_whole(path, settings=waveform, min_samples=min_samples):
        S_db = None
        if "mel" in views:
            exact, _ = spectrogram(decoded.samples, decoded.scale, settings=mel, sample_rate=waveform.sample_rate)
            S_db = exact.astype(np.float16)
        samples = decoded.samples if "waveform" in views else None
        excerpts.append(Excerpt(len(decoded.samples), decoded.scale, samples, S_db, decoded.start_s, decoded.file_s))
    return excerpts
