"""One process at a time in a folder."""

import fcntl
import os
from pathlib import Path

from fmagc.errors import DataError

__all__ = ["acquire"]


def acquire(path: Path, *, place: Path) -> int:
    """Hold a lock file until its descriptor is closed; the kernel does that too, when the process is killed.

    Parameters
    ----------
    path : Path
        The lock file; it holds the number of the process that has it.
    place : Path
        What the lock is for.

    Returns
    -------
    int
        The descriptor.

    Raises
    ------
    DataError
        When another process holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = path.read_text(encoding="utf-8").strip() or "unknown"
        os.close(lock)
        raise DataError(
            f"{place}: process {holder} is already at this stage: wait for it, or end it, and run again"
        ) from None
    os.truncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
