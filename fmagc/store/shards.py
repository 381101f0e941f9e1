"""One shard: an HDF5 file with one contiguous 2-D (or 3-D) dataset, a row a track, and a column for each fact of a row.

The rows are written first, by any number of processes, each to its own place in a file that is not HDF5 yet; `seal`
then puts HDF5's structure around them. HDF5 itself writes to no disk: where one is full it would crash the interpreter,
and a second writer would empty the file. Memory stays flat, however many rows there are.
"""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from fmagc.direct import BLOCK, aligned_buffer, opened, read_at, write_at

__all__ = ["Layout", "RowBuffer", "layout_of", "map_rows", "read_columns", "row_buffer", "seal", "start"]

Array = npt.NDArray[Any]

_ROWS_AT = BLOCK  # bytes before the rows: HDF5's own for the file and the dataset of rows


@dataclass(frozen=True)
class Layout:
    """Where the rows of a shard lie.

    Attributes
    ----------
    name : str
        Of the dataset of rows.
    dtype : str
        Of NumPy.
    width : int
        Samples or frames of a row, padded with zeros: whole blocks, so that a row can be written past the page cache.
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

    def offset(self, row: int) -> int:
        """Give the place of a row in the file, in bytes."""
        return _ROWS_AT + row * self.row_bytes


class RowBuffer:
    """Room for one row, on its way to or from the disk.

    Attributes
    ----------
    values : ndarray, shape (width, *inner)
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._bytes = aligned_buffer(layout.row_bytes)
        self.values: Array = self._bytes.view(layout.dtype).reshape(layout.width, *layout.inner)

    def write(self, path: Path, row: int, *, length: int) -> None:
        """Write the first `length` samples or frames to their place."""
        self.values[length:] = 0
        n_blocks = -(-self.values[:length].nbytes // BLOCK)
        with opened(path, os.O_WRONLY) as descriptor:
            write_at(descriptor, self._bytes[: n_blocks * BLOCK], self._layout.offset(row))

    def read(self, path: Path, row: int, *, length: int) -> Array:
        """Read the first `length` samples or frames of a row; they are valid until the next call."""
        n_blocks = -(-self.values[:length].nbytes // BLOCK)
        with opened(path, os.O_RDONLY) as descriptor:
            read_at(descriptor, self._bytes[: n_blocks * BLOCK], self._layout.offset(row))
        return self.values[:length]


@lru_cache(maxsize=2)
def row_buffer(layout: Layout) -> RowBuffer:
    """Give this process's buffer for such rows: fresh memory would cost more than filling it."""
    return RowBuffer(layout)


def start(path: Path) -> None:
    """Make an empty file for the rows of a shard."""
    path.write_bytes(b"")


def seal(path: Path, layout: Layout, *, kept: Sequence[int], longest: int, columns: Mapping[str, Array]) -> None:
    """Turn a file of rows into a shard; its bytes follow from the content alone.

    Parameters
    ----------
    path : Path
        The rows were written at `layout.offset`.
    layout : Layout
    kept : Sequence of int
        The rows to keep, in order. The others close up.
    longest : int
        Samples or frames of the longest of them: rows are made as narrow as that allows.
    columns : Mapping[str, np.ndarray [shape=(len(kept),)]]
        Text as fixed-length bytes (dtype S).
    """
    narrow = Layout.holding(longest, name=layout.name, dtype=layout.dtype, inner=layout.inner)
    _close_up(path, layout, narrow, kept)
    with path.open("r+b") as file:
        file.truncate(narrow.offset(len(kept)))
        for offset, data in _structure(narrow, len(kept), columns):
            file.seek(offset)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())


def layout_of(path: Path, name: str) -> Layout:
    """Read the layout of a shard."""
    with h5py.File(path, "r") as file:
        _, width, *inner = file[name].shape
        return Layout(name, file[name].dtype.name, width, tuple(inner))


def map_rows(path: Path, name: str) -> np.memmap[Any, np.dtype[Any]]:
    """Map the dataset of rows into memory, read-only: nothing is read before it is used, and threads may share it."""
    with h5py.File(path, "r") as file:
        dataset = file[name]
        offset, shape, dtype = dataset.id.get_offset(), dataset.shape, dataset.dtype
    return np.memmap(path, mode="r", offset=offset, shape=shape, dtype=dtype)


def read_columns(path: Path, *names: str) -> dict[str, Array]:
    """Read columns of a shard."""
    with h5py.File(path, "r") as file:
        return {name: file[name][()] for name in names}


def _close_up(path: Path, wide: Layout, narrow: Layout, kept: Sequence[int]) -> None:
    """Move rows towards the start of the file, in order: no row is overwritten before it has moved."""
    moves = [(wide.offset(old), narrow.offset(new)) for new, old in enumerate(kept)]
    buffer = aligned_buffer(narrow.row_bytes)
    with opened(path, os.O_RDWR) as descriptor:
        for source, target in moves:
            if source != target:
                buffer[read_at(descriptor, buffer, source) :] = 0  # the end of the last row may not be written yet
                write_at(descriptor, buffer, target)


def _structure(layout: Layout, n_rows: int, columns: Mapping[str, Array]) -> list[tuple[int, bytes]]:
    """Let HDF5 write a file of this shape, and keep what it writes: all but the rows, which it is not given."""
    sparse = _SparseFile()
    aligned = {"alignment_threshold": BLOCK, "alignment_interval": BLOCK}
    with h5py.File(sparse, "w", libver="earliest", **aligned) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        properties.set_obj_track_times(False)  # or the hour would be among the bytes
        space = h5py.h5s.create_simple((n_rows, layout.width, *layout.inner))
        kind = h5py.h5t.py_create(np.dtype(layout.dtype))
        rows = h5py.h5d.create(file.id, layout.name.encode(), kind, space, properties)
        if rows.get_offset() != _ROWS_AT:
            raise RuntimeError(f"HDF5 puts the rows at byte {rows.get_offset()}, they were written at {_ROWS_AT}")
        for column, values in columns.items():
            file.create_dataset(column, data=values)
    return sparse.written


class _SparseFile:
    """A file that remembers what was written where; the rest of it is zeros, and takes no memory."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bytes]] = []
        self._position = self._size = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = offset + (self._size if whence == os.SEEK_END else 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def write(self, data: memoryview) -> int:
        self.written.append((self._position, bytes(data)))
        self._position += len(data)
        self._size = max(self._size, self._position)
        return len(data)

    def read(self, size: int) -> bytes:
        start, image = self._position, bytearray(size)
        for offset, data in self.written:
            first, last = max(offset, start), min(offset + len(data), start + size)
            if first < last:
                image[first - start : last - start] = data[first - offset : last - offset]
        self._position += size
        return bytes(image)

    def truncate(self, size: int) -> int:
        self._size = size
        return size

    def flush(self) -> None:
        """Have nothing to flush."""
