"""One process at a time in a folder."""

import errno
import fcntl
import os
import stat
from pathlib import Path

from fmagc.errors import DataError, name_file

__all__ = ["acquire"]

_PID_DIGITS = 20


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
        When another process holds it, or when a link has its name: the number of the process would be written into
        what it leads to.
    """
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise _not_a_lock(path) from None
    try:
        with name_file(path):
            found = os.fstat(lock)
            if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
                raise _not_a_lock(path)
            _lock(lock, place=place)
            os.truncate(lock, 0)
            os.pwrite(lock, str(os.getpid()).encode(), 0)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _lock(lock: int, *, place: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, _PID_DIGITS, 0).decode("ascii", errors="replace") or "unknown"
        raise DataError(
            f"{place}: process {holder} is already at this stage: wait for it, or end it, and run again"
        ) from None


def _not_a_lock(path: Path) -> DataError:
    return DataError(f"{path}: expected a lock file, found a link or no regular file: remove it and run again")
