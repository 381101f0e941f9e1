"""Free space: the check that a disk has room, made before any work is done."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from fmagc.errors import DataError, format_bytes

__all__ = ["require_publishable", "require_space"]


def require_space(folder: Path, n_bytes: int, *, what: str) -> None:
    """Raise DataError unless the disk of a folder has room for what is about to be written."""
    free = shutil.disk_usage(folder).free
    missing = n_bytes - free
    if missing > 0:
        raise DataError(
            f"{folder}: {what} need up to {format_bytes(n_bytes)}, {format_bytes(free)} are free: make room for "
            f"{format_bytes(missing)} more (`dvc gc -w` drops what the workspace does not use), or move the project "
            "to a larger disk; nothing was started"
        )


def require_publishable(folder: Path, out: Path, n_bytes: int, *, reused: Iterable[Path], what: str) -> None:
    """Require that files can be made in one folder and published in another one, and room for both.

    Parameters
    ----------
    folder : Path
        Where the files will be made.
    out : Path
        Where they will be published: as hard links, or as copies where hard links do not reach.
    n_bytes : int
        Upper bound for the files that will be made.
    reused : iterable of Path
        Finished files in `folder` that will be published too.
    what : str
        Names what will be made in the message.

    Raises
    ------
    DataError
        When a disk lacks room.
    OSError
        When the out cannot be written.
    """
    place = out if out.exists() else out.parent
    place.mkdir(parents=True, exist_ok=True)
    require_space(folder, n_bytes, what=what)
    if not _links_reach(folder, place):
        copies = n_bytes + sum(path.stat().st_size for path in reused)
        beside = n_bytes if place.stat().st_dev == folder.stat().st_dev else 0
        require_space(place, copies + beside, what=f"copies of {what}")


def _links_reach(folder: Path, place: Path) -> bool:
    """Try a hard link, or else an ordinary file, to check that a folder can be written."""
    trial, link = folder / ".trial", place / f".{folder.name}.trial"
    for path in (trial, link):  # a link of these names could lead to another file
        path.unlink(missing_ok=True)
    trial.touch(exist_ok=False)
    try:
        link.hardlink_to(trial)
    except OSError:
        link.touch(exist_ok=False)
        return False
    else:
        return True
    finally:
        for path in (trial, link):
            path.unlink(missing_ok=True)
