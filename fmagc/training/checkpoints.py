"""The states of one training on disk: two places that take turns, so that one is whole at whatever moment a run dies.

They lie in the staging folder of the training, outside every DVC out, under a key of everything that decides the bytes:
a state of other settings, data or code is never found. The finished weights stay there too, until a training with
another key takes their place: DVC throws an out away when it is killed while it hashes it.
"""

from typing import Any

from fmagc.errors import DataError
from fmagc.models.safetensors_io import pack, unpack
from fmagc.runtime.artifact_store import Piece, Staging, draft_path
from fmagc.runtime.entrypoint import say
from fmagc.runtime.files import write_bytes
from fmagc.training.outputs import WEIGHTS
from fmagc.training.state import State

__all__ = ["Checkpoints"]

_SLOTS = ("checkpoint-0.safetensors", "checkpoint-1.safetensors")


class Checkpoints:
    """Keeps and finds the states of one training.

    Parameters
    ----------
    staging : Staging
        Of this training alone; entered.
    key : str
        See `staging.piece_key`.
    """

    def __init__(self, staging: Staging, *, key: str) -> None:
        self._staging = staging
        self._key = key
        self._latest: Piece | None = None

    def finished(self) -> Piece | None:
        """Return the weights of a training that came to its end; see `finish`."""
        return self._find(WEIGHTS)

    def restore(self, state: State) -> bool:
        """Take a fresh state to the latest one that was kept, and tell whether there was one.

        Raises
        ------
        DataError
            When it is undamaged and yet not a state of this network.
        """
        pieces = [piece for piece in map(self._find, _SLOTS) if piece]
        if not pieces:
            return False
        path = pieces[0].path
        remedy = f"`rm -r {path.parent}` and run `dvc repro` to train from the start"
        try:
            self._latest = max(pieces, key=lambda piece: (piece.record["epoch"], piece.record["batch"]))
            path = self._latest.path
            tensors = unpack(path.read_bytes(), like=state.tensors(), path=path, remedy=remedy)
            state.restore(tensors, self._latest.record)
        except (DataError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(f"{path}: expected the record of a training, found a fault ({error}): {remedy}") from None
        return True

    def save(self, state: State) -> None:
        """Keep a state; the one before it stays, and all that was kept under other keys goes."""
        before = self._latest
        slot = _SLOTS[0] if before is None or before.path.name.endswith(_SLOTS[1]) else _SLOTS[1]
        self._latest = self._keep(slot, pack(state.tensors()), state.record())
        self._staging.drop_others(*[piece for piece in (before, self._latest) if piece])

    def finish(self, state: State) -> Piece:
        """Keep the best weights in place of the states that led to them.

        Returns
        -------
        Piece
            Its record is that of the state.
        """
        piece = self._keep(WEIGHTS, pack(state.best), state.record())
        self._staging.drop_others(piece)
        return piece

    def _keep(self, name: str, data: bytes, record: dict[str, Any]) -> Piece:
        write_bytes(draft_path(self._staging.folder, name), data)
        return self._staging.keep(name, self._key, record)

    def _find(self, name: str) -> Piece | None:
        piece = self._staging.find(name, self._key)
        path = self._staging.folder / f"{self._key}.{name}"
        if piece is None and path.exists():
            say(f"{path}: damaged, or not written to its end: it is not used")
        return piece
