"""One shard: an HDF5 file with one contiguous 2-D (or 3-D) dataset, a row a track, and a column for each fact of a row.

A shard is packed in memory and written by `fmagc.files` or `fmagc.staging`: HDF5 itself never opens a final name for
writing, where a full disk would crash the interpreter and a second writer would empty the file.
"""

import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

__all__ = ["map_rows", "pack", "read_columns", "stack"]

Array = npt.NDArray[Any]


def pack(name: str, rows: Array, columns: Mapping[str, Array]) -> bytes:
    """Make the bytes of a shard: they follow from the content alone.

    Parameters
    ----------
    name : str
        Of the dataset of rows.
    rows : np.ndarray [shape=(rows, ...)]
        Stored contiguous, so that a reader can map it.
    columns : Mapping[str, np.ndarray [shape=(rows,)]]
        Text as fixed-length bytes (dtype S).
    """
    # the name never reaches the disk: HDF5 only needs one that no other open file has
    with h5py.File(uuid.uuid4().hex, "w", driver="core", backing_store=False, libver="latest") as file:
        file.create_dataset(name, data=rows)
        for column, values in columns.items():
            file.create_dataset(column, data=values)
        file.flush()
        image: bytes = file.id.get_file_image()
    return image


def stack(arrays: Sequence[Array]) -> Array:
    """Put arrays of unequal length into one, padded with zeros at the end."""
    longest = max(len(array) for array in arrays)
    rows = np.zeros((len(arrays), longest, *arrays[0].shape[1:]), dtype=arrays[0].dtype)
    for row, array in zip(rows, arrays, strict=True):
        row[: len(array)] = array
    return rows


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
