"""The manifest of a cache: a shard that is not in it does not exist."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmagc.direct import stream_digest
from fmagc.errors import DataError
from fmagc.files import damaged, read_record, write_record
from fmagc.staging import Piece

__all__ = ["Manifest", "Shard", "read_manifest", "write_manifest"]

_SCHEMA = 3


@dataclass(frozen=True)
class Shard:
    """One line of the manifest.

    Attributes
    ----------
    digest : str
        xxh3-128 of its bytes.
    rows : int
    longest : int
        Samples or frames of its longest row.
    track_ids : list of int
        In the order of the rows.
    """

    digest: str
    rows: int
    longest: int
    track_ids: list[int]


@dataclass(frozen=True)
class Manifest:
    """What a cache consists of and was made with.

    Attributes
    ----------
    folder : Path
    made_by : str
        The stage to name when something is wrong.
    params : dict
        The settings that decided the content, by block.
    shards : dict of str to Shard
        By file name.
    files : dict of str to str
        The digests of other files beside them.
    """

    folder: Path
    made_by: str
    params: dict[str, Any]
    shards: dict[str, Shard]
    files: dict[str, str]

    def verify(self, name: str) -> None:
        """Raise DataError unless a shard or another file has the bytes that it was made with."""
        path = self.folder / name
        expected = self.files[name] if name in self.files else self.shards[name].digest
        found = stream_digest(path) if path.exists() else "no file"
        if found != expected:
            raise damaged(path, expected=expected, found=found, made_by=self.made_by)


def read_manifest(folder: Path, *, made_by: str) -> Manifest:
    """Read manifest.json.

    Raises
    ------
    DataError
        When it is missing, damaged, or of another schema.
    """
    found = read_record(folder / "manifest.json", made_by=made_by)
    if found["schema"] != _SCHEMA:
        raise DataError(
            f"{folder}: expected a cache of schema {_SCHEMA}, found {found['schema']}: run `dvc repro {made_by}`"
        )
    shards = {name: Shard(**shard) for name, shard in found["shards"].items()}
    return Manifest(folder, made_by, found["params"], shards, found["files"])


def write_manifest(
    folder: Path, pieces: Iterable[Piece], *, params: Mapping[str, Any], made_with: Any, files: Sequence[str] = ()
) -> None:
    """Write manifest.json, last: what each shard holds, and what all were made with.

    Parameters
    ----------
    folder : Path
        Of the published shards.
    pieces : Iterable[Piece]
        Each with ``track_ids`` and ``longest`` in its record.
    params : Mapping[str, Any]
        The settings that decided the content.
    made_with : dict
        Versions of the libraries that did.
    files : Sequence[str]
        Names of other files in the folder that it answers for.
    """
    shards = {}
    for piece in pieces:
        track_ids, longest = piece.record["track_ids"], piece.record["longest"]
        shards[piece.name] = {
            "digest": piece.digest,
            "rows": len(track_ids),
            "longest": longest,
            "track_ids": track_ids,
        }
    content = {
        "schema": _SCHEMA,
        "params": params,
        "made_with": made_with,
        "shards": shards,
        "files": {name: stream_digest(folder / name) for name in files},
    }
    write_record(folder / "manifest.json", content)
