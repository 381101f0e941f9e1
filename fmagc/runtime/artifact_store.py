"""Keep the finished artifacts of a stage outside every DVC out, for the next run after a kill or a small change.

DVC empties a stage's outs before it runs. A stage that makes one artifact after the other therefore stores each here,
under a key made of everything that decides its bytes, and hard-links the finished set into its out at the end.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fmagc.errors import DataError
from fmagc.paths import STAGING
from fmagc.runtime.code_snapshot import CodeSnapshot
from fmagc.runtime.file_lock import acquire
from fmagc.runtime.files import (
    digest,
    file_digest,
    keep_only,
    link_or_copy,
    read_record,
    replace_with,
    temp_path,
    write_record,
)
from fmagc.runtime.free_space import require_publishable

__all__ = ["Artifact", "ArtifactStore", "artifact_key", "versions"]


@dataclass(frozen=True)
class Artifact:
    """One finished file of a stage.

    Attributes
    ----------
    name : str
        Its file name in the out.
    path : Path
        Where it lies in the staging folder.
    digest : str
        Identifies it, computed when it was made: the xxh3-128 of its bytes, or of those that hold the others' digests.
    record : dict
        Further facts about it that the stage needs when it is reused (JSON).
    """

    name: str
    path: Path
    digest: str
    record: dict[str, Any]


def _whole(artifact: Artifact) -> str:
    return file_digest(artifact.path)


class ArtifactStore:
    """The staging folder of one stage, held by one process at a time.

    Parameters
    ----------
    stage : str
        Names the folder.
    root : Path
        Where the staging folders lie; it must share a file system with the outs for hard links.

    Raises
    ------
    DataError
        On entering, when another process holds the folder.
    """

    def __init__(self, stage: str, *, root: Path = STAGING) -> None:
        self.folder = root / stage
        self._lock_path = root / f"{stage}.lock"
        self._used: set[Path] = set()
        self._code = CodeSnapshot()

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = acquire(self._lock_path, place=self.folder)
        self._drop_unfinished()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the disk that ended the run may not let go of them either; the next run will
            self._drop_unfinished()
        os.close(self._lock)

    def track_code(self, *makers: Callable[..., Any]) -> dict[str, str]:
        """Return the digests of the code that makes the artifacts; from now on, refuse to keep any once it changes.

        Parameters
        ----------
        *makers : callable
            The functions that decide the bytes of an artifact. Every file that they import counts: a change of the
            decoder makes other keys for what is decoded, while a change of the reader of caches leaves them.

        Returns
        -------
        dict of str to str
            By module: a part of `artifact_key`.
        """
        self._code = CodeSnapshot(*makers)
        return self._code.digests()

    def find(self, name: str, key: str, *, found: Callable[[Artifact], str] = _whole) -> Artifact | None:
        """Return the artifact made earlier under this key, if it is there and undamaged.

        Parameters
        ----------
        name, key : str
        found : callable
            Takes the digest of a file that should be this artifact.
        """
        path, metadata = self._paths(name, key)
        try:
            made = read_record(metadata, stage=self.folder.name)
            artifact = Artifact(name, path, made["digest"], made["record"])
            if made["name"] != path.name or found(artifact) != artifact.digest:
                return None
        except (FileNotFoundError, DataError, KeyError):
            return None
        self._used |= {path, metadata}
        return artifact

    def prepare(self, out: Path, n_bytes: int, *, reused: Iterable[Artifact], what: str) -> None:
        """Check, before any work is done, that the out can be written and the disk has room.

        As `free_space.require_publishable` does, for artifacts of `n_bytes` at most and the finished ones in `reused`.
        """
        require_publishable(self.folder, out, n_bytes, reused=[artifact.path for artifact in reused], what=what)

    def commit(self, name: str, key: str, record: dict[str, Any], *, digest: str = "") -> Artifact:
        """Keep an artifact that was written to `files.temp_path`; its metadata, written last, make it count.

        Parameters
        ----------
        name, key : str
        record : dict
            As `Artifact.record`.
        digest : str
            As `Artifact.digest`; that of the whole file when empty.
        """
        self._require_same_code()
        path, metadata = self._paths(name, key)
        replace_with(path, temp_path(self.folder, name))
        artifact = Artifact(name, path, digest or file_digest(path), record)
        write_record(metadata, {"name": path.name, "digest": artifact.digest, "record": record})
        self._used |= {path, metadata}
        return artifact

    def prune(self, *artifacts: Artifact) -> None:
        """Remove all but these artifacts: what earlier runs left, and what a later one stands for."""
        self._used = {path for artifact in artifacts for path in (artifact.path, _metadata_of(artifact.path))}
        keep_only(self.folder, self._used)

    def publish(self, out: Path, artifacts: Iterable[Artifact]) -> None:
        """Make a folder hold exactly these artifacts, and drop what this run did not use."""
        self._require_same_code()
        out.mkdir(parents=True, exist_ok=True)
        artifacts = list(artifacts)
        for artifact in artifacts:
            link_or_copy(artifact.path, out / artifact.name)
        keep_only(out, {out / artifact.name for artifact in artifacts})
        keep_only(self.folder, self._used)

    def _require_same_code(self) -> None:
        """Refuse an artifact that other code may have made: workers load theirs after the keys are taken."""
        changed = self._code.changed()
        if changed:
            raise DataError(
                f"{self.folder}: the code was changed while it ran ({', '.join(changed)}): run `dvc repro` again"
            )

    def _drop_unfinished(self) -> None:
        """Remove what a run left that was killed, or that an error ends: it fills the disk and is of no use."""
        for path in self.folder.glob(".*"):
            path.unlink()

    def _paths(self, name: str, key: str) -> tuple[Path, Path]:
        path = self.folder / f"{key}.{name}"
        return path, _metadata_of(path)


def _metadata_of(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def artifact_key(parts: Mapping[str, Any]) -> str:
    """Condense everything that decides an artifact's bytes into one key."""
    return digest(json.dumps(parts, sort_keys=True, allow_nan=False).encode())


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions of the libraries that decide the bytes of an artifact."""
    return {package: version(package) for package in packages}
