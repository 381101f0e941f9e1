"""A cache on disk as its readers see it: the rows of verified shards, by track."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fmagc.engine import usable_cores
from fmagc.errors import DataError
from fmagc.files import file_digest, read_json
from fmagc.store.shards import map_rows, read_columns

__all__ = ["MELS", "SCHEMA", "WAVES", "Cache"]

WAVES = Path("data/waves")
MELS = Path("data/mels")
SCHEMA = 1


@dataclass(frozen=True)
class Row:
    """One track of a cache: its samples or frames, unpadded, the facts of its row, and where its bytes lie."""

    values: npt.NDArray[Any]
    facts: dict[str, Any]
    path: Path  # of the shard
    offset: int  # bytes of the shard before the first value


class Cache:
    """The rows of a cache by track.

    Parameters
    ----------
    folder : Path
        Holds the shards and manifest.json.
    dataset : str
        Name of the dataset of rows: ``waves`` or ``mels``.
    facts : Iterable[str]
        Further columns to hold for each row, besides ``length``.
    made_by : str
        The stage to name when something is wrong.

    Raises
    ------
    DataError
        When a shard is missing, differs from its digest, or holds other tracks than the manifest says.
    """

    def __init__(self, folder: Path, dataset: str, *, facts: Iterable[str] = (), made_by: str) -> None:
        manifest = read_json(folder / "manifest.json", made_by=made_by)
        if manifest["schema"] != SCHEMA:
            raise DataError(
                f"{folder}: expected a cache of schema {SCHEMA}, found {manifest['schema']}: run `dvc repro {made_by}`"
            )
        self.folder = folder
        self.params: dict[str, Any] = manifest["params"]
        self.shards: dict[str, dict[str, Any]] = manifest["shards"]
        self._made_by = made_by
        with ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(self._verify, self.shards))
        self._rows: dict[int, Row] = {}
        for name in self.shards:
            self._open(name, dataset, ["track_id", "length", *facts])

    @property
    def track_ids(self) -> list[int]:
        """The tracks of the cache, in ascending order."""
        return sorted(self._rows)

    @property
    def lengths(self) -> dict[int, int]:
        """Samples or frames of each track."""
        return {track_id: self._rows[track_id].facts["length"] for track_id in self.track_ids}

    def require(self, **blocks: dict[str, Any]) -> None:
        """Raise DataError unless the cache was made with these blocks of settings."""
        for block, wanted in blocks.items():
            made = self.params[block]
            other = [f"{block}.{key}={made.get(key)}" for key, value in wanted.items() if made.get(key) != value]
            if other:
                raise DataError(
                    f"{self.folder}: made with {', '.join(other)}, expected "
                    f"{', '.join(f'{key}={value}' for key, value in wanted.items())}: run `dvc repro`"
                )

    def __getitem__(self, track_id: int) -> Row:
        return self._rows[track_id]

    def _verify(self, name: str) -> None:
        path, expected = self.folder / name, self.shards[name]["digest"]
        found = file_digest(path) if path.exists() else "no file"
        if found != expected:
            raise DataError(
                f"{path}: expected digest {expected}, found {found}: the shard is damaged or was changed; run "
                f"`dvc checkout --force`, or `dvc repro -f {self._made_by}` if that does not mend it"
            )

    def _open(self, name: str, dataset: str, columns: list[str]) -> None:
        path = self.folder / name
        table = read_columns(path, *columns)
        if table["track_id"].tolist() != self.shards[name]["track_ids"]:
            raise DataError(f"{path}: expected the tracks that manifest.json names, found others: run `dvc checkout`")
        rows = map_rows(path, dataset)
        for place, track_id in enumerate(table["track_id"].tolist()):
            facts = {column: np.asarray(table[column])[place].item() for column in columns}
            offset = rows.offset + place * rows.strides[0]
            self._rows[track_id] = Row(rows[place, : facts["length"]], facts, path, offset)
