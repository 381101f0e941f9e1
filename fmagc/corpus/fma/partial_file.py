"""A file that is not yet whole, and the record of the version of the server's file that its bytes belong to."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from fmagc.errors import DataError
from fmagc.runtime.files import read_record, replace_with, write_record

__all__ = ["PartialFile"]


class PartialFile:
    """The bytes of a file that have come so far: ``<name>.part``, and next to it the record ``<name>.part.json``.

    Parameters
    ----------
    final : Path
        The file's name once it is whole.

    Attributes
    ----------
    path : Path
        Where the bytes lie.
    validator : str or None
        Of the version of the server's file that they belong to: a strong ETag, or a date. None: the server gives
        neither, so that a later request could get the rest of another version.
    total : int or None
        Size of that version in bytes, if known.
    """

    def __init__(self, final: Path) -> None:
        self._final = final
        self.path = final.with_name(f"{final.name}.part")
        self._record = final.with_name(f"{final.name}.part.json")
        self.validator: str | None = None
        self.total: int | None = None
        try:
            record = read_record(self._record, stage="fetch")
        except DataError:
            return
        self.validator, self.total = record.get("validator"), record.get("bytes")

    @property
    def size(self) -> int:
        """Return the number of bytes; 0 where a link has the name, which could lead them into another file."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return 0
        return found.st_size if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1 else 0

    @property
    def resumable(self) -> int:
        """Return the number of bytes from which a next request can go on."""
        return self.size if self.validator else 0

    @property
    def whole(self) -> bool:
        """Check whether no byte is missing."""
        return self.total is not None and self.total == self.size > 0

    def range_headers(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if it belongs to the same version, and else for all."""
        return {"Range": f"bytes={self.size}-", "If-Range": str(self.validator)} if self.resumable else {}

    def begin(self, validator: str | None, total: int | None) -> None:
        """Start the file again, so that record and bytes always belong to the same version."""
        self.remove()
        self.path.touch(exist_ok=False)
        self.validator, self.total = validator, total
        if validator:
            write_record(self._record, {"validator": validator, "bytes": total})

    def append(self) -> BinaryIO:
        """Open the file to append to it."""
        return os.fdopen(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "ab")

    def remove(self) -> None:
        """Remove the file and its record."""
        self.validator = self.total = None
        self._record.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its final name."""
        replace_with(self._final, self.path)
        self._record.unlink(missing_ok=True)
