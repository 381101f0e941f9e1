"""The rows of a shard, as workers write and read them: each contiguous, at its own offset, with its digest.

No HDF5 here: a worker that writes rows starts without it, and what it writes becomes HDF5 in `fmagc.cache.shards`.
"""

import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fmagc.errors import name_file
from fmagc.runtime.files import digest

__all__ = ["BLOCK", "ROWS_AT", "Array", "Layout", "RowBuffer", "create_empty", "row_buffer"]

Array = npt.NDArray[Any]

BLOCK = 4096  # bytes of a block of the file system: a row is whole ones
ROWS_AT = BLOCK  # bytes before the rows: HDF5's own for the file and the dataset of rows

_FACTS = 512  # bytes of a row in the columns of one value, and of its entry in the metadata: an upper bound
_MOMENTS = 2 * 8  # bytes of a band in the columns of mean and squared deviations


@dataclass(frozen=True)
class Layout:
    """Offsets and sizes of the rows of a shard.

    Attributes
    ----------
    name : str
        Of the dataset of rows.
    dtype : str
        Of NumPy.
    width : int
        Samples or frames of a row, padded with zeros to whole blocks.
    inner : tuple of int
        Shape of one frame; empty for samples.
    """

    name: str
    dtype: str
    width: int
    inner: tuple[int, ...] = ()

    @classmethod
    def holding(cls, length: int, *, name: str, dtype: str, inner: tuple[int, ...] = ()) -> "Layout":
        """Make the narrowest layout whose rows hold so many samples or frames."""
        unit = BLOCK // math.gcd(BLOCK, np.dtype(dtype).itemsize * math.prod(inner))
        return cls(name, dtype, -(-length // unit) * unit, inner)

    @property
    def row_bytes(self) -> int:
        """Bytes of a row."""
        return self.width * np.dtype(self.dtype).itemsize * math.prod(self.inner)

    def most_bytes(self, n_rows: int) -> int:
        """Return the largest size in bytes of a shard of `n_rows` rows."""
        return self.offset(n_rows) + n_rows * (_FACTS + _MOMENTS * math.prod(self.inner)) + 2 * BLOCK

    def offset(self, row: int) -> int:
        """Return the offset of a row in the file, in bytes."""
        return ROWS_AT + row * self.row_bytes


class RowBuffer:
    """The buffer of one row that is written or read. Its digest (xxh3-128, hex) is that of all its bytes.

    Attributes
    ----------
    values : np.ndarray [shape=(width, *inner)]
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._bytes = np.zeros(layout.row_bytes, dtype=np.uint8)
        self.values: Array = self._bytes.view(layout.dtype).reshape(layout.width, *layout.inner)

    def write(self, path: Path, row: int, *, length: int) -> str:
        """Write the first `length` samples or frames to their place, and return the digest of the row."""
        self.values[length:] = 0
        with name_file(path), open(path, "r+b", opener=_not_through_a_link) as file:
            file.seek(self._layout.offset(row))
            file.write(self.values[:length].data)
        return digest(self._bytes.data)

    def read(self, path: Path, row: int) -> str:
        """Fill `values` with a row, and return the digest of what was found."""
        with name_file(path), path.open("rb") as file:
            file.seek(self._layout.offset(row))
            n_read = file.readinto(self._bytes.data)
        self._bytes[n_read:] = 0  # a file that is not sealed may end before its last row does
        return digest(self._bytes.data)


def _not_through_a_link(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW)


@lru_cache(maxsize=2)
def row_buffer(layout: Layout) -> RowBuffer:
    """Return this process's buffer for such rows: new memory would cost more than filling it."""
    return RowBuffer(layout)


def create_empty(path: Path) -> None:
    """Make an empty file for the rows of a shard, in place of what has its name: a link could lead to another file."""
    path.unlink(missing_ok=True)
    path.touch(exist_ok=False)
