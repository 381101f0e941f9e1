"""First frames of the clips of one track, without pandas: files of no corpus are predicted by them too."""

import numpy as np

__all__ = ["evenly_spaced", "random_starts"]


def evenly_spaced(n_frames: int, *, clip_frames: int, n_clips: int | None = None, overlap: float = 0.0) -> list[int]:
    """Return the first frames of clips from end to end of a track; one clip lies in the middle.

    Parameters
    ----------
    n_frames : int
        Length of the track, at least that of a clip.
    clip_frames : int
    n_clips : int, optional
        As many as cover the track when None.
    overlap : float in [0, 1)
        The least part of a clip that covering neighbours share.
    """
    last = n_frames - clip_frames
    n_clips = n_clips or _covering(n_frames, clip_frames=clip_frames, overlap=overlap)
    if n_clips == 1:
        return [last // 2]
    return [int(start) for start in np.linspace(0, last, n_clips).round()]


def random_starts(
    n_frames: int,
    *,
    clip_frames: int,
    n_clips: int | None = None,
    overlap: float = 0.0,
    seed: int,
    track_id: int,
) -> list[int]:
    """Return the first frames of as many clips as `evenly_spaced`, drawn at random.

    They are the same whatever other tracks there are, and fewer of them are the first of more.
    """
    n_clips = n_clips or _covering(n_frames, clip_frames=clip_frames, overlap=overlap)
    rng = np.random.default_rng([seed, track_id])
    return [int(start) for start in rng.integers(n_frames - clip_frames, endpoint=True, size=n_clips)]


def _covering(n_frames: int, *, clip_frames: int, overlap: float) -> int:
    """Count the evenly spaced clips that cover a track, no further apart than `overlap` allows."""
    step = max(1, int(round(clip_frames * (1 - overlap), 6)))  # whole frames, as starts are; 10 * (1 - 0.8) is below 2
    return 1 - (clip_frames - n_frames) // step
