"""Make clips of transformed tracks in a worker process, as evaluation would if the corpus held these tracks.

The whole track is transformed, and its spectrogram computed as the stage mel computes it: levels are relative to the
maximum of the transformed track, and the frames at the ends of a clip include samples beyond it. No torch here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.log_mel import LogMel
from fmagc.cache.clip_starts import evenly_spaced
from fmagc.params.signal import n_frames
from fmagc.robustness.transforms import Transform

__all__ = ["Task", "Views", "transformed_clip"]

Views = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Task:
    """A track of the waveform cache, and the transform to apply."""

    track_id: int
    samples: NDArray[np.int16]
    scale: float
    transform: Transform
    clip_frames: int  # of the clip that is wanted


def transformed_clip(task: Task, *, log_mel: LogMel, sr: int) -> Views:
    """Transform a track and cut out its middle clip, the one that evaluation sees when `evaluate.clips` is 1.

    Parameters
    ----------
    log_mel : LogMel
        That of the mel cache.
    sr : int [Hz]

    Returns
    -------
    dict of str to np.ndarray
        ``waveform`` [shape=(clip_frames * hop_length,), float32] and ``mel`` [shape=(clip_frames, n_mels), float16,
        dB], the type in which the cache stores it. Not normalised.
    """
    y = task.transform(task.samples * np.float32(task.scale), sr=sr, seed=task.track_id)
    hop = log_mel.settings.hop_length
    (start,) = evenly_spaced(n_frames(len(y), hop_length=hop), clip_frames=task.clip_frames, n_clips=1)
    frames = slice(start, start + task.clip_frames)
    S_db, _ = log_mel(y)
    waveform = y[frames.start * hop : frames.stop * hop]
    return {"waveform": waveform.copy(), "mel": S_db[frames].astype(np.float16)}
