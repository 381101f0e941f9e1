"""Read windows of tracks, in threads, directly into the memory of a batch, in the type in which they are stored.

A shard's dataset is contiguous, so that a window of a row is one run of bytes at a known place of the file. `preadv`
writes it to its position in the batch, without HDF5, another process or a conversion.
"""

import mmap
import os
import weakref
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt

from fmagc.cache.reader import Cache, Row
from fmagc.errors import DataError
from fmagc.runtime.worker_pool import usable_cores

__all__ = ["ClipReader"]

Array = npt.NDArray[Any]

_KEPT = 4  # buffers that wait for the next batch: one being filled, one in use, and what the hand-over needs


class ClipReader:
    """Reads windows of a cache's tracks, a batch at a time.

    The memory of a batch is used again once the batch and all its views are gone, since new memory costs more than
    the copy into it. Memory that is still referenced is never overwritten, so a batch may be kept for any time.

    Parameters
    ----------
    cache : Cache
        Its shards stay open as long as the reader lives.
    """

    def __init__(self, cache: Cache) -> None:
        self.cache = cache
        self._files = {path: os.open(path, os.O_RDONLY) for path in cache.paths}
        for file in self._files.values():
            weakref.finalize(self, os.close, file)
        self._n_threads = usable_cores()
        self._pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix="clips")
        self._free: deque[mmap.mmap] = deque(maxlen=_KEPT)

    def read(self, track_ids: Sequence[int], *, starts: Sequence[int], lengths: Sequence[int]) -> Array:
        """Read one window of each track. Several threads may call this at once.

        Parameters
        ----------
        track_ids : Sequence of int
            At least one; a track may come more than once.
        starts, lengths : Sequence of int [samples or frames]
            The windows; each lies inside its track.

        Returns
        -------
        np.ndarray [shape=(sum of lengths, ...), dtype of the cache]
            The windows end to end, as `np.concatenate` would have them: windows of equal length are a reshape away from
            a batch, others an `np.split`.

        Raises
        ------
        DataError
            When a shard ends before the window does.
        ValueError
            When a window does not lie inside its track.
        """
        rows = [self.cache[track_id] for track_id in track_ids]
        for track_id, row, start, length in zip(track_ids, rows, starts, lengths, strict=True):
            if not 0 <= start <= start + length <= len(row.values):
                raise ValueError(
                    f"track {track_id}: expected a window of its {len(row.values)}, found {length} from {start}"
                )
        batch = self._lease(sum(lengths), like=rows[0].values)
        windows = [batch[end - length : end] for end, length in zip(accumulate(lengths), lengths, strict=True)]
        jobs = list(zip(rows, starts, windows, strict=True))
        list(self._pool.map(self._fill, [jobs[share :: self._n_threads] for share in range(self._n_threads)]))
        return batch

    def _lease(self, length: int, *, like: Array) -> Array:
        """Return an array over a free buffer, which becomes free again when the array and its views are gone."""
        n_bytes = length * like[:1].nbytes
        try:
            buffer = self._free.pop()
        except IndexError:
            buffer = mmap.mmap(-1, n_bytes)
        if len(buffer) < n_bytes:
            buffer = mmap.mmap(-1, n_bytes)
        # views of an array whose own memory is foreign refer to that array, not to the memory: it outlives them all
        whole = np.frombuffer(buffer, like.dtype, count=n_bytes // like.itemsize)
        weakref.finalize(whole, self._free.append, buffer)
        return whole.reshape(length, *like.shape[1:])

    def _fill(self, jobs: Sequence[tuple[Row, int, Array]]) -> None:
        for row, start, window in jobs:
            rest, place = window.data.cast("B"), row.offset + start * row.values.strides[0]
            while rest:
                n_read = os.preadv(self._files[row.path], [rest], place)
                if n_read == 0:
                    raise DataError(
                        f"{row.path}: expected {len(rest)} more bytes at {place}, found the end of the file: the shard "
                        "was cut while it was in use; run `dvc checkout --force`"
                    )
                rest, place = rest[n_read:], place + n_read
