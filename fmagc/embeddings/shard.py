"""Complete a shard of embeddings from the rows that were written."""

from pathlib import Path
from typing import Any

import numpy as np

from fmagc.cache.rows import Array
from fmagc.cache.shards import ShardDigest, compaction_order, seal
from fmagc.embeddings.rows import SourceRow, embedding_layout
from fmagc.errors import RejectedTrack

__all__ = ["finish_shard"]


def finish_shard(
    path: Path, outcomes: list[tuple[SourceRow, str | RejectedTrack]], *, n_values: int
) -> tuple[dict[str, Any], str]:
    """Turn a file of written rows into a shard; one without an accepted track becomes an empty file.

    Parameters
    ----------
    path : Path
    outcomes : list of (SourceRow, str or RejectedTrack)
        Rows that were written, with their digests, and tracks without a vector.
    n_values : int
        Of a vector.

    Returns
    -------
    record : dict
        ``track_ids``, ``longest``, ``row_bytes``, and ``rejected``: reason and detail by track id, as text.
    digest : str
        That of `ShardDigest`.
    """
    written = {source.row: (source, digest) for source, digest in outcomes if isinstance(digest, str)}
    rejected = {
        str(source.track_id): [outcome.reason, outcome.detail]
        for source, outcome in outcomes
        if isinstance(outcome, RejectedTrack)
    }
    places = compaction_order(list(written))
    accepted = [written[place] for place in places]
    track_ids = [source.track_id for source, _ in accepted]
    made = ShardDigest.around(path, rows=0, row_bytes=0)
    if accepted:
        columns: dict[str, Array] = {
            "track_id": np.array(track_ids, dtype=np.int64),
            "length": np.full(len(track_ids), n_values, dtype=np.int64),
        }
        digests = [digest for _, digest in accepted]
        made = seal(path, embedding_layout(n_values), kept=places, longest=n_values, digests=digests, columns=columns)
    record = {"track_ids": track_ids, "longest": n_values, "row_bytes": made.row_bytes, "rejected": rejected}
    return record, made.digest
