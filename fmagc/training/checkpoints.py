"""Checkpoints of one training run, double-buffered: writes alternate between two files, so one is always valid.

They lie in the staging folder of the training, outside every DVC out, under a key of everything that decides the bytes:
a state of other settings, data or code is never found. The finished weights stay there too, until a training with
another key takes their place: DVC throws an out away when it is killed while it hashes it.
"""

from pathlib import Path
from typing import Any

from fmagc.errors import DataError
from fmagc.models.safetensors_io import pack, unpack
from fmagc.paths import WEIGHTS
from fmagc.runtime.artifact_store import Artifact, ArtifactStore
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import temp_path, write_bytes
from fmagc.training.state import State

__all__ = ["Checkpoints"]

_SLOTS = ("checkpoint-0.safetensors", "checkpoint-1.safetensors")
_COPIES = 3  # two checkpoints, and a temporary file of the next


class Checkpoints:
    """Saves and restores the states of one training.

    Parameters
    ----------
    store : ArtifactStore
        Of this training alone; entered.
    key : str
        See `artifact_store.artifact_key`.
    """

    def __init__(self, store: ArtifactStore, *, key: str) -> None:
        self._store = store
        self._key = key
        self._latest: Artifact | None = None

    @property
    def folder(self) -> Path:
        """The staging folder of the training."""
        return self._store.folder

    def prepare(self, out: Path, state: State) -> None:
        """Raise before any work is done if the weights cannot be published in `out` or the disk lacks room."""
        n_bytes = sum(tensor.nbytes for tensor in state.tensors().values())
        self._store.prepare(out, _COPIES * n_bytes, reused=[], what="the checkpoints")

    def finished(self) -> Artifact | None:
        """Return the weights of a finished training; see `finish`."""
        return self._find(WEIGHTS)

    def restore(self, state: State) -> bool:
        """Restore the latest saved state into a new one; return whether there was one.

        Raises
        ------
        DataError
            When the saved state is undamaged, but is not a state of this network.
        """
        artifacts = [artifact for artifact in map(self._find, _SLOTS) if artifact]
        if not artifacts:
            return False
        path = artifacts[0].path
        remedy = f"`rm -r {path.parent}` and run `dvc repro` to train from the start"
        try:
            self._latest = max(artifacts, key=lambda artifact: (artifact.record["epoch"], artifact.record["batch"]))
            path = self._latest.path
            tensors = unpack(path.read_bytes(), like=state.tensors(), path=path, remedy=remedy)
            state.restore(tensors, self._latest.record)
        except (DataError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"{path}: expected the record of a training, found a fault ({error}): {remedy}") from None
        return True

    def save(self, state: State) -> None:
        """Save a state; the one before it stays, and all that was saved under other keys goes."""
        before = self._latest
        slot = _SLOTS[0] if before is None or before.path.name.endswith(_SLOTS[1]) else _SLOTS[1]
        self._latest = self._keep(slot, pack(state.tensors()), state.record())
        self._store.prune(*[artifact for artifact in (before, self._latest) if artifact])

    def finish(self, state: State) -> Artifact:
        """Keep the best weights in place of the states that led to them.

        Returns
        -------
        Artifact
            Its record is that of the state.
        """
        artifact = self._keep(WEIGHTS, pack(state.best), state.record())
        self._store.prune(artifact)
        return artifact

    def _keep(self, name: str, data: bytes, record: dict[str, Any]) -> Artifact:
        write_bytes(temp_path(self._store.folder, name), data)
        return self._store.commit(name, self._key, record)

    def _find(self, name: str) -> Artifact | None:
        artifact = self._store.find(name, self._key)
        path = self._store.folder / f"{self._key}.{name}"
        if artifact is None and path.exists():
            log(f"{path}: damaged, or not written to its end: it is not used")
        return artifact
