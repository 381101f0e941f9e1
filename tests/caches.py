"""Caches of made-up rows, as the stages decode and mel publish them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fmagc.staging import Staging
from fmagc.store.manifest import write_manifest
from fmagc.store.shards import pack, stack


def publish(
    folder: Path,
    rows: Sequence[np.ndarray],
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
            ids = list(range(len(rows)))[shard]
            columns = {"track_id": np.array(ids), "length": np.array([len(row) for row in rows[shard]])}
            columns |= {name: np.array(values[shard], dtype=np.float32) for name, values in facts.items()}
            name = f"{len(pieces):03d}.h5"
            image = pack(folder.name, stack(rows[shard]), columns)
            pieces.append(staging.add(name, name, image, {"track_ids": ids}))
        staging.publish(folder, pieces)
        write_manifest(folder, pieces, params=params, made_with={})
