"""The bytes of a file, read in parts where the file is large, and views of them for a decoder.

A decoder reads such a view in place of the file: a range of its bytes, after a header that states the true length.
"""

import io
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["Bytes", "FileBytes", "blocks_of", "find_all", "view_of"]

_BLOCK = 1 << 20


class Bytes(Protocol):
    """Bytes with a length, read by slices: `bytes`, or those of a file."""

    def __len__(self) -> int:
        """Count the bytes."""

    def __getitem__(self, stretch: slice, /) -> bytes:
        """Read a byte range."""


class FileBytes:
    """The bytes of an open file, none of which are kept in memory.

    Parameters
    ----------
    descriptor : int
        Of a regular file, open for reading as long as this is used.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._length = os.fstat(descriptor).st_size

    def __len__(self) -> int:
        """Count the bytes."""
        return self._length

    def __getitem__(self, stretch: slice, /) -> bytes:
        """Read a byte range; return fewer bytes where the file ends, as slices of `bytes` do."""
        start, end, _ = stretch.indices(self._length)
        parts = []
        while start < end and (part := os.pread(self._descriptor, end - start, start)):
            parts.append(part)
            start += len(part)
        return b"".join(parts)


def blocks_of(data: Bytes, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Read a byte range in blocks of a mebibyte."""
    end = len(data) if end is None else end
    for position in range(start, end, _BLOCK):
        yield data[position : min(end, position + _BLOCK)]


def find_all(data: Bytes, marker: bytes, start: int, end: int) -> list[int]:
    """Find every position of a marker in a byte range."""
    found = []
    for position in range(start, end, _BLOCK):
        block = data[position : min(end, position + _BLOCK + len(marker) - 1)]
        place = block.find(marker)
        while place >= 0:
            found.append(position + place)
            place = block.find(marker, place + 1)
    return found


def view_of(
    data: Bytes, start: int, end: int, *, header: bytes = b"", footer: bytes = b""
) -> io.BufferedIOBase | io.RawIOBase:
    """Open a byte range, between a header and a footer of our own, as a file for a decoder."""
    if isinstance(data, bytes):
        return io.BytesIO(header + data[start:end] + footer)  # which copies nothing where this is `data` itself
    return _View(data, start, end, header, footer)


class _View(io.RawIOBase):
    """A header, a byte range of a file, and a footer."""

    def __init__(self, data: Bytes, start: int, end: int, header: bytes, footer: bytes) -> None:
        self._parts = (header, 0, len(header)), (data, start, end), (footer, 0, len(footer))
        self._length = sum(end - start for _, start, end in self._parts)
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        content, position = b"", self._position
        for data, start, end in self._parts:
            wanted = len(target) - len(content)
            content += data[min(end, start + position) : min(end, start + position + wanted)]
            position = max(0, position - (end - start))
        target[: len(content)] = content
        self._position += len(content)
        return len(content)
