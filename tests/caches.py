"""Shards and caches of made-up rows, as the stages decode and mel publish them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmagc.cache.manifest import write_manifest
from fmagc.cache.rows import Layout, RowBuffer, start
from fmagc.cache.shards import Seal, seal
from fmagc.runtime.artifact_store import Piece, Staging, draft_path

Array = NDArray[Any]


def write_shard(path: Path, name: str, rows: Sequence[Array], columns: Mapping[str, Array]) -> Seal:
    """Write a shard of these rows, each as long as it is."""
    longest = max(len(row) for row in rows)
    layout = Layout.holding(longest, name=name, dtype=rows[0].dtype.name, inner=rows[0].shape[1:])
    buffer = RowBuffer(layout)
    start(path)
    digests = []
    for place, row in enumerate(rows):
        buffer.values[: len(row)] = row
        digests.append(buffer.write(path, place, length=len(row)))
    return seal(path, layout, kept=range(len(rows)), longest=longest, digests=digests, columns=columns)


def stage_shard(
    staging: Staging, shard: str, name: str, tracks: Mapping[int, Array], **facts: Sequence[float]
) -> Piece:
    """Put a shard of these tracks into a staging folder; facts are further columns, in float32."""
    columns = {
        "track_id": np.array(list(tracks)),
        "length": np.array([len(row) for row in tracks.values()]),
    } | {column: np.array(values, dtype=np.float32) for column, values in facts.items()}
    made = write_shard(draft_path(staging.folder, shard), name, list(tracks.values()), columns)
    record = {"track_ids": list(tracks), "longest": max(map(len, tracks.values())), "row_bytes": made.row_bytes}
    return staging.keep(shard, shard, record, digest=made.digest)


def publish(
    folder: Path,
    rows: Sequence[Array],
    *,
    params: Mapping[str, Any],
    rows_per_shard: int = 1000,
    **facts: Sequence[float],
) -> None:
    """Write a cache whose tracks are numbered from 0; the folder's name is that of the dataset of rows."""
    with Staging(folder.name, root=folder.parent / "staging") as staging:
        pieces = []
        for first in range(0, len(rows), rows_per_shard):
            shard = slice(first, first + rows_per_shard)
            tracks = dict(list(enumerate(rows))[shard])
            columns = {name: values[shard] for name, values in facts.items()}
            pieces.append(stage_shard(staging, f"{len(pieces):03d}.h5", folder.name, tracks, **columns))
        staging.publish(folder, pieces)
        write_manifest(folder, pieces, params=params, made_with={})
