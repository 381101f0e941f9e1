"""The manifest of a cache: a shard that is not in it does not exist."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fmagc.files import write_json
from fmagc.staging import Piece
from fmagc.store.cache import SCHEMA

__all__ = ["write_manifest"]


def write_manifest(folder: Path, pieces: Iterable[Piece], *, params: Mapping[str, Any], made_with: Any) -> None:
    """Write manifest.json, last: shard -> digest and track ids, what the shards were made with.

    Parameters
    ----------
    folder : Path
        Of the published shards.
    pieces : Iterable[Piece]
        Each with ``track_ids`` in its record.
    params : Mapping[str, Any]
        The settings that decided the content.
    made_with : dict
        Versions of the libraries that did.
    """
    shards = {
        piece.name: {"digest": piece.digest, "rows": len(ids := piece.record["track_ids"]), "track_ids": ids}
        for piece in pieces
    }
    write_json(folder / "manifest.json", {"schema": SCHEMA, "params": params, "made_with": made_with, "shards": shards})
