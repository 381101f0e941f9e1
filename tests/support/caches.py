"""Shards and caches of made-up rows, as the stages decode and mel publish them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.cache import shards
from fmagc.cache.manifest import write_manifest
from fmagc.cache.rows import Layout, RowBuffer, create_empty
from fmagc.cache.shards import ShardDigest, seal
from fmagc.runtime.artifact_store import Artifact, ArtifactStore
from fmagc.runtime.files import temp_path

Array = NDArray[Any]


def write_shard(path: Path, name: str, rows: Sequence[Array], columns: Mapping[str, Array]) -> ShardDigest:
    """Write a shard of these rows, each as long as it is."""
    longest = max(len(row) for row in rows)
    layout = Layout.holding(longest, name=name, dtype=rows[0].dtype.name, inner=rows[0].shape[1:])
    buffer = RowBuffer(layout)
    create_empty(path)
    digests = []
    for place, row in enumerate(rows):
        buffer.values[: len(row)] = row
        digests.append(buffer.write(path, place, length=len(row)))
    return seal(path, layout, kept=range(len(rows)), longest=longest, digests=digests, columns=columns)


def stage_shard(
    store: ArtifactStore, shard: str, name: str, tracks: Mapping[int, Array], **columns: Sequence[float]
) -> Artifact:
    """Put a shard of these tracks into a staging folder; facts are further columns, in float32."""
    columns = {
        "track_id": np.array(list(tracks)),
        "length": np.array([len(row) for row in tracks.values()]),
    } | {column: np.array(values, dtype=np.float32) for column, values in columns.items()}
    made = write_shard(temp_path(store.folder, shard), name, list(tracks.values()), columns)
    record = {"track_ids": list(tracks), "longest": max(map(len, tracks.values())), "row_bytes": made.row_bytes}
    return store.commit(shard, shard, record, digest=made.digest)


def count_rows(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by the size of each row that this process compares with its digest to verify a shard."""
    sizes: list[int] = []
    digest = shards.digest

    def counted(data: memoryview | bytes) -> str:
        if isinstance(data, memoryview):  # the structure of a shard is bytes
            sizes.append(len(data))
        return digest(data)

    monkeypatch.setattr(shards, "digest", counted)
    return sizes


def publish(
    folder: Path,
    rows: Sequence[Array],
    *,
    params: Mapping[str, Any],
    rows_per_shard: int = 1000,
    **columns: Sequence[float],
) -> None:
    """Write a cache whose tracks are numbered from 0; the folder's name is that of the dataset of rows."""
    with ArtifactStore(folder.name, root=folder.parent / "store") as store:
        artifacts = []
        for first in range(0, len(rows), rows_per_shard):
            shard = slice(first, first + rows_per_shard)
            tracks = dict(list(enumerate(rows))[shard])
            own = {name: values[shard] for name, values in columns.items()}
            artifacts.append(stage_shard(store, f"{len(artifacts):03d}.h5", folder.name, tracks, **own))
        store.publish(folder, artifacts)
        write_manifest(folder, artifacts, params=params, made_with={})
