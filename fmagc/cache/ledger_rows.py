"""The rows of the ledger: an accepted track with its place, or a rejected one with its reason."""

from collections.abc import Sequence
from typing import Any

__all__ = ["COLUMNS", "accepted_row", "rejected_row"]

COLUMNS = {
    "track_id": int,
    "path": str,
    "status": str,
    "shard": str,
    "row": int,
    "reason": str,
    "detail": str,
    "flags": str,
    "decoder": str,
}


def accepted_row(
    track_id: int, *, path: str, shard: str, row: int, flags: Sequence[str], decoder: str, detail: str
) -> dict[str, Any]:
    """Return the ledger row of an accepted track: its shard and row, its flags, and what decoded it."""
    return _row(track_id, path, "accepted", shard=shard, row=row, detail=detail, flags=" ".join(flags), decoder=decoder)


def rejected_row(track_id: int, *, path: str, reason: str, detail: str) -> dict[str, Any]:
    """Return the ledger row of a rejected track: its reason and detail."""
    return _row(track_id, path, "rejected", reason=reason, detail=detail)


def _row(
    track_id: int,
    path: str,
    status: str,
    *,
    shard: str = "",
    row: int = -1,
    reason: str = "",
    detail: str = "",
    flags: str = "",
    decoder: str = "",
) -> dict[str, Any]:
    values = (track_id, path, status, shard, row, reason, " ".join(detail.split()), flags, decoder)
    return dict(zip(COLUMNS, values, strict=True))
