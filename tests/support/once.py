"""Share a folder between the processes of a test run: the first that needs it makes it, while the others wait."""

import fcntl
from collections.abc import Callable
from pathlib import Path


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder unless another process has made it; return it.

    Parameters
    ----------
    folder : Path
        Beside it lie its lock and the sign that it is whole.
    make : Callable
        Fills the folder, which is empty.
    """
    with folder.with_name(f"{folder.name}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = folder.with_name(f"{folder.name}.whole")
        if not whole.exists():
            folder.mkdir()
            make(folder)
            whole.touch()
    return folder
