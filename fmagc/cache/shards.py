"""One shard: an HDF5 file with one contiguous 2-D (or 3-D) dataset, a row per track, and columns of facts about them.

The rows are written first, by any number of processes, each to its own place in a file that is not HDF5 yet; `seal`
then puts HDF5's structure around them. HDF5 itself never writes to a disk: on a full disk it would crash the
interpreter, and a second writer would empty the file. Memory does not grow with the number of rows.

A shard is verified in two steps, so that no row is read again when the shard is made: each row has a digest, computed
where the row was made and kept in a column, and the digest of the shard covers all its other bytes, that column
included.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import numpy.typing as npt

from fmagc.cache.rows import BLOCK, ROWS_AT, Layout, RowBuffer
from fmagc.errors import name_file
from fmagc.runtime.files import digest

__all__ = ["ShardDigest", "compaction_order", "layout_of", "map_rows", "read_columns", "seal"]

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ShardDigest:
    """The digests that identify a shard.

    Attributes
    ----------
    digest : str
        xxh3-128 of all but the rows; the rows' own digests are a column, and so part of it.
    rows : int
    row_bytes : int
        Of one row.
    """

    digest: str
    rows: int
    row_bytes: int

    @classmethod
    def around(cls, path: Path, *, rows: int, row_bytes: int) -> Self:
        """Compute the seal of a file as it is, without reading its rows."""
        with name_file(path), path.open("rb") as file:
            parts = [file.read(ROWS_AT)]
            file.seek(ROWS_AT + rows * row_bytes)
            parts += [file.read(), str(file.seek(0, os.SEEK_END)).encode()]
        return cls(digest(b"".join(parts)), rows, row_bytes)

    def header_digest(self, path: Path) -> str:
        """Return the digest of a file that should have this seal, without reading its rows."""
        if not path.exists():
            return "no file"
        return self.around(path, rows=self.rows, row_bytes=self.row_bytes).digest

    def found_in(self, path: Path) -> str:
        """Return the digest of a file that should have this seal, and name the first row with other bytes.

        The structure is looked at first: only where it is sound does HDF5 get to read it.
        """
        found = self.header_digest(path)
        if found != self.digest or self.rows == 0:
            return found
        buffer = memoryview(bytearray(self.row_bytes))
        with name_file(path), path.open("rb") as file:
            file.seek(ROWS_AT)
            for row, expected in enumerate(read_columns(path, "digest")["digest"].tolist()):
                file.readinto(buffer)
                if digest(buffer) != expected.decode():
                    return f"{found} of its structure, and other bytes in row {row}"
        return found


def seal(
    path: Path,
    layout: Layout,
    *,
    kept: Sequence[int],
    longest: int,
    digests: Sequence[str],
    columns: Mapping[str, Array],
) -> ShardDigest:
    """Turn a file of rows into a shard; its bytes follow from the content alone.

    Parameters
    ----------
    path : Path
        The rows were written at `layout.offset`.
    layout : Layout
    kept : Sequence of int
        The places of the rows to keep, in the order that they are to have: `compaction_order` says which.
    longest : int
        Samples or frames of the longest of them: rows are made as narrow as that allows.
    digests : Sequence of str
        Of the rows in that order, as they were written.
    columns : Mapping[str, np.ndarray [shape=(len(kept),)]]
        Text as fixed-length bytes (dtype S).
    """
    narrow = Layout.holding(longest, name=layout.name, dtype=layout.dtype, inner=layout.inner)
    digests = _moved(path, layout, narrow, kept, digests)
    columns = {**columns, "digest": np.array([row.encode() for row in digests])}
    with name_file(path), path.open("r+b") as file:
        file.truncate(narrow.offset(len(kept)))
        for offset, data in _structure(narrow, len(kept), columns):
            file.seek(offset)
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return ShardDigest.around(path, rows=len(kept), row_bytes=narrow.row_bytes)


def compaction_order(written: Sequence[int]) -> list[int]:
    """Order the positions of rows so that few move: the last rows fill the gaps of rejected tracks.

    Parameters
    ----------
    written : Sequence of int
        The places of the rows to keep, ascending.

    Returns
    -------
    list of int
        Row r of the shard is the one at place ``result[r]``, which is r itself as long as nothing was rejected.
    """
    there = set(written)
    spare = list(written)
    return [place if place in there else spare.pop() for place in range(len(written))]


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


def _moved(path: Path, wide: Layout, narrow: Layout, kept: Sequence[int], digests: Sequence[str]) -> list[str]:
    """Move rows to their places, in order: no row is overwritten before it has moved; return what they are then."""
    source, target = RowBuffer(wide), RowBuffer(narrow)
    result = list(digests)
    for new, old in enumerate(kept):
        if (new, narrow) != (old, wide):
            source.read(path, old)
            target.values[:] = source.values[: narrow.width]
            result[new] = target.write(path, new, length=narrow.width)
    return result


def _structure(layout: Layout, n_rows: int, columns: Mapping[str, Array]) -> list[tuple[int, bytes]]:
    """Make HDF5 write a file of this shape without its rows, and return what it wrote."""
    sparse = _SparseFile()
    aligned = {"alignment_threshold": BLOCK, "alignment_interval": BLOCK}
    with h5py.File(sparse, "w", libver="earliest", **aligned) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_obj_track_times(False)  # no clock decides a byte
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        properties.set_obj_track_times(False)  # or the hour would be among the bytes
        space = h5py.h5s.create_simple((n_rows, layout.width, *layout.inner))
        kind = h5py.h5t.py_create(np.dtype(layout.dtype))
        rows = h5py.h5d.create(file.id, layout.name.encode(), kind, space, properties)
        if rows.get_offset() != ROWS_AT:
            raise RuntimeError(f"HDF5 puts the rows at byte {rows.get_offset()}, they were written at {ROWS_AT}")
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
        """Do nothing: there is nothing to flush."""
