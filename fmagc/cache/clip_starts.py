"""First frames of the clips of one track, without pandas: files of no corpus are predicted by them too."""

import numpy as np

__all__ = ["evenly_spaced", "random_starts"]


def evenly_spaced(n_frames: int, *, clip_frames: int, n_clips: int) -> list[int]:
    """Return the first frames of clips that cover a track from end to end; one clip lies in the middle."""
    last = n_frames - clip_frames
    if n_clips == 1:
        return [last // 2]
    return [int(start) for start in np.linspace(0, last, n_clips).round()]


def random_starts(n_frames: int, *, clip_frames: int, n_clips: int, seed: int, track_id: int) -> list[int]:
    """Return the first frames of clips drawn at random: the same whatever other tracks there are."""
    rng = np.random.default_rng([seed, track_id])
    return [int(start) for start in rng.integers(n_frames - clip_frames, endpoint=True, size=n_clips)]
