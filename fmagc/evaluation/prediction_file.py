"""The file of predictions, from which every number of evaluation comes: HDF5, with a digest of itself in front.

Its datasets have a row for each clip and training seed: ``seed``, ``track_id``, ``artist_id``, ``set`` (val or test),
``clip``, ``label`` and ``probabilities`` [shape=(N, K)] in millionths. ``genres`` [shape=(K,)] names the columns of the
probabilities, ``texts`` [shape=(C,)] the sets of genres that the labels number. The attributes are ``protocol``,
``model`` and ``task``. Probabilities are rounded to 6 decimals when the predictions are made, not when they are
written: so predictions that were read back equal those in memory, and all metrics can be recomputed from the file to
the last digit.

HDF5 itself never touches the disk, where a full one would crash it, and reads no byte before the digest has been
checked. The digest stands in the user block, which HDF5 leaves to its users.
"""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from fmagc.errors import DataError
from fmagc.evaluation.metrics import Floats
from fmagc.runtime.files import damaged, digest, write_bytes

__all__ = ["DECIMALS", "Stored", "read_file", "write_file"]

DECIMALS = 6
_BLOCK = 512  # the smallest user block of HDF5
_MAGIC = b"fmagc predictions 1 "
_CHUNK_VALUES = 1 << 18  # 1 MiB: what is compressed at once


class Stored(NamedTuple):
    """The content of a file; see the module's docstring.

    Attributes
    ----------
    attributes : mapping of str to str
    names : mapping of str to tuple of str
        ``genres`` and ``texts``.
    columns : mapping of str to np.ndarray [shape=(N,)]
        All but the probabilities; text as bytes.
    probabilities : np.ndarray [shape=(N, K), float64]
    """

    attributes: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, npt.NDArray[Any]]
    probabilities: Floats


def write_file(path: Path, stored: Stored) -> None:
    """Write predictions whose probabilities have 6 decimals: the same predictions give the same bytes."""
    # the current directory gets no file of this name: HDF5 keeps it in memory
    with h5py.File(path.name, "w", driver="core", backing_store=False, userblock_size=_BLOCK, libver="v110") as file:
        file.attrs.update(stored.attributes)
        for name, values in stored.names.items():
            file.create_dataset(name, data=list(values), dtype=h5py.string_dtype())
        for name, column in stored.columns.items():
            file.create_dataset(name, data=column, shuffle=True, compression="gzip", compression_opts=1)
        n_rows, n_genres = stored.probabilities.shape
        step = min(n_rows, max(1, _CHUNK_VALUES // n_genres))
        millionths = file.create_dataset(
            "probabilities", (n_rows, n_genres), np.int32, chunks=(step, n_genres), shuffle=True, compression="gzip",
            compression_opts=1,
        )  # fmt: skip
        for first in range(0, n_rows, step):
            rows = stored.probabilities[first : first + step]
            millionths[first : first + step] = np.rint(rows * 10**DECIMALS).astype(np.int32)
        file.flush()
        image = file.id.get_file_image()
    write_bytes(path, (_MAGIC + digest(image).encode()).ljust(_BLOCK, b"\0") + image)


def read_file(path: Path, *, stage: str) -> Stored:
    """Read what `write_file` wrote.

    Parameters
    ----------
    path : Path
    stage : str
        The stage that makes it, for the message.

    Raises
    ------
    DataError
        When the file is missing, is no file of predictions, or its bytes have changed since it was made.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected predictions of the stage {stage}, found none: run `dvc repro`") from None
    head = data[:_BLOCK].rstrip(b"\0")
    if not head.startswith(_MAGIC):
        raise DataError(
            f"{path}: expected a file of predictions, found one that begins with {data[:20]!r}: run "
            f"`dvc repro -f {stage}`"
        )
    expected, found = head.removeprefix(_MAGIC).decode(errors="replace"), digest(memoryview(data)[_BLOCK:])
    if found != expected:
        raise damaged(path, expected=expected, found=found, stage=stage)
    with h5py.File(BytesIO(data), "r") as file:
        columns = {name: dataset[:] for name, dataset in file.items() if name not in ("genres", "texts")}
        probabilities = columns.pop("probabilities")
        return Stored(
            attributes=dict(file.attrs),
            names={name: tuple(file[name].asstr()[:].tolist()) for name in ("genres", "texts")},
            columns=columns,
            probabilities=probabilities / 10**DECIMALS,
        )
