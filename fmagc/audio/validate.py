"""Checks before decoding: a regular file with the expected checksum, of the format that its name claims."""

import errno
import hashlib
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fmagc.audio.file_bytes import Bytes, FileBytes, blocks_of
from fmagc.audio.streams import Contents, contents_of
from fmagc.errors import Reason, RejectedTrack

__all__ = ["Source", "open_source"]

_MOST_IN_MEMORY = 64 << 20  # bytes of a file; what is larger is read where it is needed

_REASONS = {
    errno.ENOENT: Reason.MISSING_FILE,
    errno.ENOTDIR: Reason.MISSING_FILE,
    errno.ELOOP: Reason.NOT_REGULAR_FILE,
}


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes
    ----------
    path : Path
    data : Bytes
        All of it, readable as long as the file is open.
    sha1 : str
    contents : Contents
        Its audio, as a decoder is to see it.
    """

    path: Path
    data: Bytes
    sha1: str
    contents: Contents


@contextmanager
def open_source(path: Path, *, expected_sha1: str | None, listed_sha1: str) -> Iterator[Source]:
    """Open a file, compare its checksums, and find its audio.

    Parameters
    ----------
    path : Path
        A file whose name ends with .mp3 must be an MP3.
    expected_sha1, listed_sha1 : str
        As for `decode`; None where there is no manifest.

    Raises
    ------
    RejectedTrack
        When it is not a regular file, cannot be read, or is not what the checksums or its name say.
    """
    with ExitStack() as opened:
        with _rejecting():
            data = _open(path, opened)
            sha1 = _sha1(data)
        for source, wanted in (
            ("manifest", sha1 if expected_sha1 is None else expected_sha1),
            ("archive's list", listed_sha1 or sha1),
        ):
            if sha1 != wanted.lower():
                raise RejectedTrack(
                    Reason.CHECKSUM_MISMATCH, f"sha1 of the {source} {wanted or 'none'}, of the file {sha1}"
                )
        with _rejecting():
            contents = contents_of(data, named_mp3=path.suffix.lower() == ".mp3")
        yield Source(path, data, sha1, contents)


@contextmanager
def _rejecting() -> Iterator[None]:
    """Reject a file that the system does not let us read."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, Reason.UNREADABLE_FILE)
        raise RejectedTrack(reason, error.strerror or str(error)) from error


def _open(path: Path, opened: ExitStack) -> Bytes:
    """Open a file after checking its type: opening a FIFO would wait for a writer."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        raise RejectedTrack(Reason.NOT_REGULAR_FILE, f"file type {stat.filemode(mode)[0]}")
    file = opened.enter_context(path.open("rb", buffering=0))
    data = FileBytes(file.fileno())
    return data if len(data) > _MOST_IN_MEMORY else file.readall()


def _sha1(data: Bytes) -> str:
    """Digest a file; SHA-1 is what FMA's archives list."""
    digest = hashlib.sha1(usedforsecurity=False)
    for block in (data,) if isinstance(data, bytes) else blocks_of(data):
        digest.update(block)
    return digest.hexdigest()
