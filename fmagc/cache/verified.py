"""Remember the state in which each shard was read whole and found sound, so that no state of a file is read twice.

A state is what no write leaves as it was: device, inode, size and the two times of change. It holds for the digest of
the shard's seal alone. What changes below the file system leaves the state as it was, and only a full pass finds it.

A file system's clock moves in steps, and a write within the step of the last one cannot be seen. As git does with the
entries of its index, no state is trusted that is as young as such a step: reading waits until the step is over.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self

from fmagc.errors import DataError
from fmagc.paths import verified_record
from fmagc.runtime.files import read_record, temp_path, write_record

__all__ = ["VerifiedShards"]

_STEP_S = 0.02  # of the kernel's clock, twice its longest
_STEP_OF_SECONDS_S = 2.0  # of file systems that keep whole seconds, or even ones


@dataclass(frozen=True)
class _State:
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, path: Path) -> Self | None:
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    @property
    def changed_ns(self) -> int:
        return max(self.mtime_ns, self.ctime_ns)

    @property
    def step_s(self) -> float:
        whole = self.mtime_ns % 10**9 == self.ctime_ns % 10**9 == 0
        return _STEP_OF_SECONDS_S if whole else _STEP_S


class VerifiedShards:
    """The shards of a cache that were read whole, by name.

    Where the record cannot be read or written, as on a disk that is full or read-only, nothing is remembered: then
    every opening reads every shard.

    Parameters
    ----------
    folder : Path
        Of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = verified_record(folder)
        self._known: dict[str, list[int | str]] = {}
        with suppress(DataError, OSError, KeyError):
            self._known = read_record(self._record, stage=folder.name)["shards"]

    def holds(self, name: str, seal: str) -> bool:
        """Check whether a shard with this digest of its seal is in a state in which it was read whole."""
        state = _State.of(self._folder / name)
        return state is not None and self._known.get(name) == [seal, *astuple(state)]

    @contextmanager
    def reading(self, seals: Mapping[str, str]) -> Iterator[None]:
        """Remember the shards that the body reads whole, unless it raises, or a file changes meanwhile.

        Parameters
        ----------
        seals : mapping of str to str
            The digests of the shards' seals by name.
        """
        began = self._settle(seals)
        yield
        sound = {
            name: [seals[name], *astuple(state)]
            for name, state in began.items()
            if state == _State.of(self._folder / name)
        }
        if sound:
            self._known |= sound
            with suppress(DataError, OSError):
                known = {name: state for name, state in self._known.items() if (self._folder / name).exists()}
                write_record(self._record, {"shards": known})

    def _settle(self, names: Mapping[str, str]) -> dict[str, _State]:
        """Wait until files are older than a step of their clock, and return the states of those that are."""
        states = {name: state for name in names if (state := _State.of(self._folder / name))}
        now_ns = self._clock_ns()
        if now_ns is None:
            return {}
        missing_s = {name: state.step_s - (now_ns - state.changed_ns) / 1e9 for name, state in states.items()}
        settling = {name: s for name, s in missing_s.items() if s <= states[name].step_s}  # others are of the future
        time.sleep(max([0.0, *settling.values()]))
        return {name: states[name] for name in settling}

    def _clock_ns(self) -> int | None:
        """Read the clock of the file system, which may be another machine's; None where nothing can be written."""
        trial = temp_path(self._record.parent, f"{self._record.stem}.{os.getpid()}.clock")
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            trial.unlink(missing_ok=True)
            with trial.open("xb"):
                return trial.stat().st_mtime_ns
        except OSError:
            return None
        finally:
            with suppress(OSError):
                trial.unlink(missing_ok=True)
