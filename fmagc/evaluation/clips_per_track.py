"""Compare amounts of music seen of each track, as numbers of clips, and rules of pooling their predictions.

Most clips are used for several counts: evenly spaced ones are among those of the next larger count, up to rounding, and
a smaller number of random clips is the beginning of a larger one. A network therefore predicts each clip of their union
once.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from fmagc.evaluation.aggregation import RULES
from fmagc.evaluation.metrics import Ints
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.scoring import scoring_of
from fmagc.evaluation.validity import EVALUATED_SETS

__all__ = ["clip_counts", "count_table", "rows_in_union", "score_counts", "union_of_clips"]

MOST_CLIPS = 9  # of a track: 107 s of clips of 2^19 samples at 44.1 kHz
DECIMALS = 6

_CLIP = ["track_id", "start"]
_ROW = ["protocol", "model", "set", "average", "clips", "seconds"]


def clip_counts(seen_samples: int, *, clip_samples: int) -> list[int]:
    """List numbers of clips to compare: 1, 2, 3, 5, 9, 17, ..., up to as much music as nine clips hold.

    Parameters
    ----------
    seen_samples : int
        Length of what the network sees: a patch, or a clip.
    clip_samples : int
        Length of a clip.
    """
    most = MOST_CLIPS * clip_samples // seen_samples
    return [1] + [2**k + 1 for k in range(most.bit_length()) if 2**k + 1 <= most]


def union_of_clips(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """List once each clip that any table has.

    Parameters
    ----------
    tables : iterable of pd.DataFrame
        As `cache.clip_positions.clip_table` gives them, one for each number of clips.

    Returns
    -------
    pd.DataFrame
        The same columns without ``clip``, ordered by track and start.
    """
    union = pd.concat(list(tables)).drop(columns="clip").drop_duplicates(_CLIP)
    return union.sort_values(_CLIP, ignore_index=True)


def rows_in_union(clips: pd.DataFrame, *, union: pd.DataFrame) -> Ints:
    """Find the row of each clip of a table in the union [shape=(N,), int64]."""
    rows = union[_CLIP].assign(row=np.arange(len(union)))
    return clips[_CLIP].merge(rows, on=_CLIP, how="left", validate="many_to_one")["row"].to_numpy(dtype=np.int64)


def score_counts(predictions: Mapping[int, Predictions], *, clip_s: float) -> pd.DataFrame:
    """Measure validation and test tracks for each number of clips and each rule of pooling, of one training seed.

    Parameters
    ----------
    predictions : mapping of int to Predictions
        Of clips, by the number of clips for each track.
    clip_s : float [seconds]
        Length of a clip.

    Returns
    -------
    pd.DataFrame
        ``protocol``, ``model``, ``set``, ``average``, ``clips``, ``seconds`` (the music in so many clips, overlaps
        counted again), and the measures `Scoring.resampled` of the tracks.
    """
    rows = [
        {
            **{"protocol": own.protocol, "model": own.model, "set": name, "average": average},
            **{"clips": n_clips, "seconds": round(n_clips * clip_s, DECIMALS)},
            **scoring_of(own).scores(tracks.select(tracks.sets == name)),
        }
        for n_clips, own in sorted(predictions.items())
        for average in RULES[own.labelling.task.name]
        for tracks in [own.aggregate(average)]
        for name in EVALUATED_SETS
    ]
    return pd.DataFrame(rows).sort_values(["set", "average", "clips"], ascending=[False, True, True], ignore_index=True)


def count_table(by_seed: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Average the tables of `score_counts` of all training seeds.

    Returns
    -------
    pd.DataFrame
        The same columns, of the measures the means over the seeds; with two seeds or more their standard deviations,
        ``<measure>_std``, too.
    """
    rows = pd.concat(by_seed).groupby(_ROW, sort=False)
    table = rows.mean()
    if len(by_seed) > 1:
        table = table.join(rows.std().add_suffix("_std"))
    return table.round(DECIMALS).reset_index()
