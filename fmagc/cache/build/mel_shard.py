"""Complete a mel shard from the rows that the workers wrote."""

from pathlib import Path
from typing import Any

import numpy as np

from fmagc.cache.build.mel_worker import StoredMel, WaveRow
from fmagc.cache.rows import Array
from fmagc.cache.shards import seal
from fmagc.params.signal import n_frames

__all__ = ["finish_shard"]


def finish_shard(
    path: Path, track_ids: list[int], rows: list[tuple[WaveRow, StoredMel]], *, hop_length: int
) -> tuple[dict[str, Any], str]:
    """Turn a file of written rows into a shard.

    Parameters
    ----------
    path : Path
    track_ids : list of int
        Of the rows, in their order.
    rows : list of (WaveRow, StoredMel)
    hop_length : int, samples

    Returns
    -------
    record : dict
        ``track_ids``, ``longest`` and ``row_bytes``.
    digest : str
        That of `ShardDigest`.
    """
    lengths = [n_frames(source.length, hop_length=hop_length) for source, _ in rows]
    columns: dict[str, Array] = {
        "track_id": np.array(track_ids, dtype=np.int64),
        "length": np.array(lengths, dtype=np.int64),
        "ref_db": np.array([stored.ref_db for _, stored in rows], dtype=np.float32),
        "mean": np.array([stored.moments.mean for _, stored in rows]),
        "squared_deviations": np.array([stored.moments.squares for _, stored in rows]),
    }
    made = seal(
        path,
        rows[0][0].mels,
        kept=range(len(rows)),
        longest=max(lengths),
        digests=[stored.digest for _, stored in rows],
        columns=columns,
    )
    return {"track_ids": track_ids, "longest": max(lengths), "row_bytes": made.row_bytes}, made.digest
