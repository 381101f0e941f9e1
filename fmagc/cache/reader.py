"""A cache on disk as its readers see it: the rows of verified shards, by track."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fmagc.cache.manifest import read_manifest
from fmagc.cache.shards import map_rows, read_columns
from fmagc.cache.verified import VerifiedShards
from fmagc.errors import DataError
from fmagc.runtime.files import damaged, digest

__all__ = ["Cache"]


@dataclass(frozen=True)
class Row:
    """One track of a cache: its samples or frames, unpadded, the facts of its row, and where its bytes lie."""

    values: npt.NDArray[Any]
    columns: dict[str, Any]
    path: Path  # of the shard
    offset: int  # bytes of the shard before the first value
    n_bytes: int  # of the row with its padding: what its digest is taken of

    def read_verified(self, *, stage: str) -> npt.NDArray[Any]:
        """Read the values, and raise DataError unless the row has the digest of its column ``digest``."""
        row = np.fromfile(self.path, np.uint8, self.n_bytes, offset=self.offset)
        expected, found = self.columns["digest"].decode(), digest(row.data)
        if found != expected:
            raise damaged(self.path, expected=expected, found=found, stage=stage)
        return row.view(self.values.dtype)[: self.values.size].reshape(self.values.shape)


class Cache:
    """The rows of a cache by track.

    Parameters
    ----------
    folder : Path
        Holds the shards and manifest.json.
    dataset : str
        Name of the dataset of rows: ``waves`` or ``mels``.
    columns : Iterable[str]
        Further columns to hold for each row, besides ``length``.
    stage : str
        The stage to name when something is wrong.
    verify_rows : bool
        Verify the rows too, as `verify_once` does; else the structure and columns of the shards alone.

    Attributes
    ----------
    params : dict
        The settings that it was made with, by block.
    paths : list of Path
        Its shards.

    Raises
    ------
    DataError
        When a shard is missing, differs from its digest, or holds other tracks than the manifest says.
    """

    def __init__(
        self, folder: Path, dataset: str, *, columns: Iterable[str] = (), stage: str, verify_rows: bool = True
    ) -> None:
        self._manifest = manifest = read_manifest(folder, stage=stage)
        self.folder = folder
        self.stage = stage
        self.params = manifest.params
        if verify_rows:
            self.verify_once()
        else:
            manifest.verify(manifest.shards, rows=False)
        self.paths = [folder / name for name in manifest.shards]
        self._rows: dict[int, Row] = {}
        for name, shard in manifest.shards.items():
            self._open(folder / name, dataset, ["track_id", "length", *columns], shard.track_ids)

    def verify(self) -> int:
        """Read every byte from the disk, as `Manifest.verify_all` does."""
        return self._manifest.verify_all()

    def verify_once(self) -> None:
        """Read the shards whole that are not in a state in which they were; of the others, read the structure alone.

        Raises
        ------
        DataError
            When a byte that is read is not the one that was written.
        """
        shards, verified = self._manifest.shards, VerifiedShards(self.folder)
        unknown = {name: shard.digest for name, shard in shards.items() if not verified.holds(name, shard.digest)}
        with verified.reading(unknown):
            self._manifest.verify(unknown, rows=True)
        self._manifest.verify(shards.keys() - unknown.keys(), rows=False)

    @property
    def track_ids(self) -> list[int]:
        """The tracks of the cache, in ascending order."""
        return sorted(self._rows)

    @property
    def lengths(self) -> dict[int, int]:
        """Samples or frames of each track."""
        return {track_id: self._rows[track_id].columns["length"] for track_id in self.track_ids}

    def columns(self, *names: str) -> dict[int, tuple[npt.NDArray[Any], ...]]:
        """Read columns of every shard: their values by track."""
        found: dict[int, tuple[npt.NDArray[Any], ...]] = {}
        for path in self.paths:
            table = read_columns(path, "track_id", *names)
            found |= dict(zip(table.pop("track_id").tolist(), zip(*table.values(), strict=True), strict=True))
        return found

    def require(self, **blocks: dict[str, Any]) -> None:
        """Raise DataError unless the cache was made with these blocks of settings."""
        for block, wanted in blocks.items():
            made = self.params[block]
            other = [key for key, value in wanted.items() if made.get(key) != value]
            if other:
                found = ", ".join(f"{block}.{key}={made.get(key)}" for key in other)
                expected = ", ".join(f"{key}={wanted[key]}" for key in other)
                raise DataError(f"{self.folder}: made with {found}, expected {expected}: run `dvc repro`")

    def __getitem__(self, track_id: int) -> Row:
        return self._rows[track_id]

    def _open(self, path: Path, dataset: str, columns: list[str], track_ids: list[int]) -> None:
        table = read_columns(path, *columns)
        if table["track_id"].tolist() != track_ids:
            raise DataError(f"{path}: expected the tracks that manifest.json names, found others: run `dvc checkout`")
        rows = map_rows(path, dataset)
        for place, track_id in enumerate(table["track_id"].tolist()):
            own = {column: np.asarray(table[column])[place].item() for column in columns}
            offset = rows.offset + place * rows.strides[0]
            self._rows[track_id] = Row(rows[place, : own["length"]], own, path, offset, rows.strides[0])
