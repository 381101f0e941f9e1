"""The cache manifest lists every shard with its digest and track ids; readers ignore unlisted files."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tqdm import tqdm

from fmagc.cache.shards import ShardDigest
from fmagc.errors import DataError
from fmagc.runtime.artifact_store import Artifact
from fmagc.runtime.files import damaged, evict, file_digest, read_record, write_record
from fmagc.runtime.worker_pool import usable_cores

__all__ = ["Manifest", "Shard", "found_in_artifact", "read_manifest", "write_manifest"]

_SCHEMA = 5


@dataclass(frozen=True)
class Shard:
    """One entry of the manifest.

    Attributes
    ----------
    digest : str
        Its seal's.
    rows : int
    row_bytes : int
        Of one row.
    longest : int
        Samples or frames of its longest row.
    track_ids : list of int
        In the order of the rows.
    """

    digest: str
    rows: int
    row_bytes: int
    longest: int
    track_ids: list[int]

    @classmethod
    def of(cls, artifact: Artifact) -> Self:
        """Describe an artifact with ``row_bytes``, ``longest`` and ``track_ids`` in its record."""
        track_ids = artifact.record["track_ids"]
        return cls(artifact.digest, len(track_ids), artifact.record["row_bytes"], artifact.record["longest"], track_ids)

    @property
    def seal(self) -> ShardDigest:
        """The digests that identify the file."""
        return ShardDigest(self.digest, self.rows, self.row_bytes)


@dataclass(frozen=True)
class Manifest:
    """The shards of a cache and the settings that made them.

    Attributes
    ----------
    folder : Path
    stage : str
        The stage to name when something is wrong.
    params : dict
        The settings that decided the content, by block.
    shards : dict of str to Shard
        By file name.
    files : dict of str to str
        The digests of the other files in the folder.
    """

    folder: Path
    stage: str
    params: dict[str, Any]
    shards: dict[str, Shard]
    files: dict[str, str]

    def verify_all(self) -> int:
        """Read every byte of the cache from the disk, and return their number.

        Raises
        ------
        DataError
            When bytes are not those that were written; it names every file that is damaged.
        """
        checks = dict.fromkeys(self.files, self.verify_file) | dict.fromkeys(self.shards, self._verify_whole)
        with ThreadPoolExecutor(usable_cores()) as pool:
            found = tqdm(
                pool.map(self._fault, checks.values(), checks),
                total=len(checks),
                unit="file",
                desc=f"verify {self.folder.name}",
            )
            faults = [fault for fault in found if fault]
        if faults:
            raise DataError("\n".join(faults))
        return sum((self.folder / name).stat().st_size for name in checks)

    def verify(self, names: Iterable[str], *, rows: bool) -> None:
        """Raise DataError unless shards have the bytes that they were made with; those of rows only if asked to."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            list(pool.map(self._verify_whole if rows else self.verify_structure, names))

    def verify_structure(self, name: str) -> None:
        """Raise DataError unless a shard has the bytes that it was made with, but for its rows, which are not read."""
        path, seal = self.folder / name, self.shards[name].seal
        self._require(path, expected=seal.digest, found=seal.header_digest(path))

    def _verify_whole(self, name: str) -> None:
        path, seal = self.folder / name, self.shards[name].seal
        self._require(path, expected=seal.digest, found=seal.found_in(path))

    def verify_file(self, name: str) -> None:
        """Raise DataError unless another file of the cache has the bytes that it was made with."""
        path = self.folder / name
        self._require(path, expected=self.files[name], found=file_digest(path) if path.exists() else "no file")

    def _fault(self, verify: Callable[[str], None], name: str) -> str | None:
        """Verify a file as it lies on the disk, and describe what is wrong with it."""
        try:
            evict(self.folder / name)
            verify(name)
        except DataError as error:
            return str(error)
        return None

    def _require(self, path: Path, *, expected: str, found: str) -> None:
        if found != expected:
            raise damaged(path, expected=expected, found=found, stage=self.stage)


def found_in_artifact(artifact: Artifact) -> str:
    """Return the digest of an artifact's file that should be a shard."""
    return Shard.of(artifact).seal.found_in(artifact.path)


def read_manifest(folder: Path, *, stage: str) -> Manifest:
    """Read manifest.json.

    Raises
    ------
    DataError
        When it is missing, damaged, or of another schema.
    """
    found = read_record(folder / "manifest.json", stage=stage)
    if found["schema"] != _SCHEMA:
        raise DataError(
            f"{folder}: expected a cache of schema {_SCHEMA}, found {found['schema']}: run `dvc repro {stage}`"
        )
    shards = {name: Shard(**shard) for name, shard in found["shards"].items()}
    return Manifest(folder, stage, found["params"], shards, found["files"])


def write_manifest(
    folder: Path, artifacts: Iterable[Artifact], *, params: Mapping[str, Any], made_with: Any, files: Sequence[str] = ()
) -> None:
    """Write manifest.json, last: what each shard holds, and what all were made with.

    Parameters
    ----------
    folder : Path
        Of the published shards.
    artifacts : Iterable[Artifact]
        Each as `Shard.of` takes it.
    params : Mapping[str, Any]
        The settings that decided the content.
    made_with : dict
        Versions of the libraries that did.
    files : Sequence[str]
        Names of other files in the folder that it answers for.
    """
    shards = {artifact.name: vars(Shard.of(artifact)) for artifact in artifacts}
    content = {
        "schema": _SCHEMA,
        "params": params,
        "made_with": made_with,
        "shards": shards,
        "files": {name: file_digest(folder / name) for name in files},
    }
    write_record(folder / "manifest.json", content)
