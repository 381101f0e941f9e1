"""Read and write large files without the page cache, through one buffer that is used again and again.

Filling the page cache costs a copy and, for every page, the kernel's work of finding and clearing it: more than all the
other work of writing a shard. Where a file system refuses direct access, the same calls go through the page cache.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from fmagc.errors import name_file

__all__ = ["BLOCK", "aligned_buffer", "opened", "read_at", "stream_digest", "write_at"]

BLOCK = 4096  # bytes: offsets, lengths and addresses are multiples of it
_CHUNK = 4 << 20  # bytes in one read of a whole file
_DIRECT = getattr(os, "O_DIRECT", 0)

Bytes = NDArray[np.uint8]


def aligned_buffer(n_bytes: int) -> Bytes:
    """Make a buffer of zeros that direct access accepts: at least so many bytes, whole blocks, aligned."""
    return np.frombuffer(mmap.mmap(-1, -(-n_bytes // BLOCK) * BLOCK), dtype=np.uint8)


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open a file for direct access, or the ordinary way where there is none."""
    try:
        descriptor = os.open(path, flags | _DIRECT, 0o644)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        descriptor = os.open(path, flags, 0o644)
    try:
        with name_file(path):
            yield descriptor
    finally:
        os.close(descriptor)


def write_at(descriptor: int, data: Bytes, offset: int) -> None:
    """Write all of a buffer, whole blocks."""
    while len(data) > 0:
        written = _or_ordinary(descriptor, os.pwrite, data, offset)
        data, offset = data[written:], offset + written


def read_at(descriptor: int, into: Bytes, offset: int) -> int:
    """Fill a buffer of whole blocks; return the number of bytes read, fewer only where the file ends."""
    done = 0
    while done < len(into):
        read = _or_ordinary(descriptor, _read, into[done:], offset + done)
        done += read
        if read == 0 or read % BLOCK:  # the last block of the file
            break
    return done


def stream_digest(path: Path) -> str:
    """Return the xxh3-128 of a file in hex, without evicting other files from the page cache."""
    state, buffer, offset = xxhash.xxh3_128(), aligned_buffer(_CHUNK), 0
    with opened(path, os.O_RDONLY) as descriptor:
        while (read := read_at(descriptor, buffer, offset)) > 0:
            state.update(buffer[:read].data)
            offset += read
    return state.hexdigest()


def _read(descriptor: int, into: memoryview, offset: int) -> int:
    return os.preadv(descriptor, [into], offset)


def _or_ordinary(descriptor: int, call: Callable[[int, memoryview, int], int], data: Bytes, offset: int) -> int:
    """Repeat a call through the page cache where the file system refuses direct access after the file was opened."""
    try:
        return call(descriptor, data.data, offset)
    except OSError as error:
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        if error.errno != errno.EINVAL or not flags & _DIRECT:
            raise
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags & ~_DIRECT)
        return call(descriptor, data.data, offset)
