"""Complete a waveform shard from the rows that the workers wrote."""

from pathlib import Path
from typing import Any

import numpy as np

from fmagc.cache.build.waveform_worker import Request, StoredWave
from fmagc.cache.ledger_rows import accepted_row, rejected_row
from fmagc.cache.rows import Array, Layout
from fmagc.cache.shards import ShardDigest, compaction_order, seal
from fmagc.errors import RejectedTrack

__all__ = ["finish_shard"]


def finish_shard(
    path: Path, name: str, outcomes: list[tuple[Request, StoredWave | RejectedTrack]], layout: Layout
) -> tuple[dict[str, Any], str]:
    """Turn a file of written rows into a shard; one without an accepted track becomes an empty file.

    Parameters
    ----------
    path : Path
    name : str
        The shard's name in the ledger.
    outcomes : list of (Request, StoredWave or RejectedTrack)
        In the order of the track ids.
    layout : Layout
        Of the written rows.

    Returns
    -------
    record : dict
        ``track_ids``, ``longest``, ``row_bytes``, and ``ledger``: a row for each track.
    digest : str
        That of `ShardDigest`.
    """
    written = {request.row: (request, stored) for request, stored in outcomes if isinstance(stored, StoredWave)}
    places = compaction_order(list(written))
    accepted = [written[place] for place in places]
    rows = {request.track_id: row for row, (request, _) in enumerate(accepted)}
    ledger = [
        rejected_row(request.track_id, path=request.path, reason=outcome.reason, detail=outcome.detail)
        if isinstance(outcome, RejectedTrack)
        else accepted_row(
            request.track_id,
            path=request.path,
            shard=name,
            row=rows[request.track_id],
            flags=outcome.flags,
            decoder=outcome.decoder,
            detail=outcome.detail,
        )
        for request, outcome in outcomes
    ]
    longest = max((stored.length for _, stored in accepted), default=0)
    made = _seal(path, layout, places, accepted, longest) if accepted else ShardDigest.around(path, rows=0, row_bytes=0)
    return {"track_ids": list(rows), "longest": longest, "row_bytes": made.row_bytes, "ledger": ledger}, made.digest


def _seal(
    path: Path, layout: Layout, places: list[int], accepted: list[tuple[Request, StoredWave]], longest: int
) -> ShardDigest:
    stored = [track for _, track in accepted]
    columns: dict[str, Array] = {
        "track_id": np.array([request.track_id for request, _ in accepted], dtype=np.int64),
        "length": np.array([track.length for track in stored], dtype=np.int64),
        "scale": np.array([track.scale for track in stored], dtype=np.float32),
        "sum": np.array([track.sum for track in stored], dtype=np.int64),
        "sum_of_squares": np.array([track.sum_of_squares for track in stored], dtype=np.int64),
        "sample_rate": np.array([track.sample_rate for track in stored], dtype=np.int64),
        "decoder": np.array([track.decoder.encode() for track in stored]),
        "sha1": np.array([track.sha1.encode() for track in stored]),
    }
    digests = [track.digest for track in stored]
    return seal(path, layout, kept=places, longest=longest, digests=digests, columns=columns)
