"""Tables of the clips by which tracks are evaluated, the same in every run."""

from collections.abc import Mapping
from itertools import chain
from typing import Any

import pandas as pd

from fmagc.cache.clip_starts import evenly_spaced, random_starts
from fmagc.errors import DataError
from fmagc.paths import LEDGER, WAVES
from fmagc.tasks.labels import Labels

__all__ = ["clip_table", "with_labels"]


def with_labels(split: pd.DataFrame, n_frames: Mapping[int, int], *, labels: Labels) -> pd.DataFrame:
    """Keep the tracks of a split that are in the cache, and add ``label``, a number of `labels`, and ``n_frames``.

    Raises
    ------
    DataError
        When no track of a genre is left in one of the sets, and the task needs one.
    """
    kept = split[split["track_id"].isin(n_frames.keys())].reset_index(drop=True)
    for name in sorted(set(split["set"])) if labels.task.needs_every_genre else ():
        lost = sorted(set(labels.genres) - set(kept.loc[kept["set"] == name, labels.task.column]))
        if lost:
            rejected = split[(split["set"] == name) & split[labels.task.column].isin(lost)]
            raise DataError(
                f"set {name}: expected tracks of every genre in the cache, found none of {', '.join(lost)}: "
                f"{len(rejected)} rejected, for the reasons in {WAVES / LEDGER}. Replace these files, draw other "
                "sets by another index.seed, or name the other genres in index.genres"
            )
    return kept.assign(label=labels.encode(kept), n_frames=kept["track_id"].map(n_frames))


def clip_table(
    tracks: pd.DataFrame,
    *,
    clip_frames: int,
    n_clips: int | None,
    overlap: float = 0.0,
    crop: str = "even",
    seed: int = 0,
) -> pd.DataFrame:
    """List the clips by which tracks are evaluated.

    Parameters
    ----------
    tracks : pd.DataFrame
        As `with_labels` gives them.
    clip_frames : int
        Length of a clip.
    n_clips : int or None
        Of a track; clips of a short track overlap. None: as many as cover each track.
    overlap : float in [0, 1)
        The least part of a clip that covering neighbours share.
    crop : str
        ``even``: evenly spaced from end to end; ``random``: anywhere, by `seed`.
    seed : int
        Of random clips.

    Returns
    -------
    pd.DataFrame
        The columns of `tracks`, one row per clip, with ``clip`` (from 0 inside a track) and ``start`` (frame).
    """
    which: dict[str, Any] = {"clip_frames": clip_frames, "n_clips": n_clips, "overlap": overlap}
    starts = [
        random_starts(n_frames, seed=seed, track_id=track_id, **which)
        if crop == "random"
        else evenly_spaced(n_frames, **which)
        for track_id, n_frames in tracks[["track_id", "n_frames"]].itertuples(index=False)
    ]
    clips = tracks.loc[tracks.index.repeat([len(own) for own in starts])].reset_index(drop=True)
    return clips.assign(clip=clips.groupby("track_id").cumcount(), start=[*chain.from_iterable(starts)])
