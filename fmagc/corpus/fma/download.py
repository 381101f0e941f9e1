"""Resumable download of one file over HTTP: a cut, a kill or a busy server costs no byte that has come."""

import math
import os
from pathlib import Path
from time import monotonic, sleep

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError

from fmagc.corpus.fma import http_session
from fmagc.corpus.fma.partial_file import PartialFile
from fmagc.corpus.fma.server_reply import LastingFaultError, PassingFaultError, accept, explain, max_bytes
from fmagc.errors import DataError, format_bytes, format_value, name_file
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import file_sha1
from fmagc.runtime.free_space import require_space

__all__ = ["download"]

_BLOCK = 1 << 16
_CONNECT_S = 30.0  # the longest wait for a connection
_TRIES = 6  # in a row that bring next to nothing; waits of 1, 2, 4, 8 and 16 s lie between them
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 600.0  # the run ends if a server asks for more


def download(url: str, path: Path, *, sha1: str, n_bytes: int, room: float) -> None:
    """Fetch a file; its name appears once all its bytes are there and have the right checksum.

    Parameters
    ----------
    url : str
    path : Path
        Until it is whole, the file is called ``<name>.part``; with ``<name>.part.json`` a later call resumes it.
    sha1 : str
    n_bytes : int
        Size of the file, rounded. Of a file that is a tenth larger, no more is read.
    room : float
        Room that must be free beyond the file itself, as a multiple of its size.

    Raises
    ------
    DataError
        When the server does not give the file, gives it too slowly, or gives another one, or the disk lacks room.
    """
    part = PartialFile(path)
    by_hand = f"set or change dataset.mirror, or put {path.name} into {path.parent} yourself"
    tries, furthest = _TRIES, part.resumable
    while not part.whole:
        began = monotonic()
        try:
            _transfer(url, part, sha1=sha1, n_bytes=n_bytes, room=room)
        except LastingFaultError as fault:
            raise DataError(f"{url}: {fault}: {by_hand}") from None
        except PassingFaultError as fault:
            progressed = part.resumable - furthest > http_session.MIN_RATE * (monotonic() - began)
            tries, furthest = _TRIES if progressed else tries - 1, max(furthest, part.resumable)
            if tries <= 0 or fault.wait_s > _LONGEST_WAIT_S:
                asked = f" (the server asks for {_format_wait(fault.wait_s)})" if fault.wait_s >= 1 else ""
                kept = f"; {format_bytes(part.resumable)} lie in {part.path}, and the next run goes on from there"
                raise DataError(
                    f"{url}: {fault}: run `dvc repro` again later{asked}{kept if part.resumable else ''}; or {by_hand}"
                ) from None
            wait_s = max(fault.wait_s, _FIRST_WAIT_S * 2.0 ** max(0, _TRIES - tries - 1))
            log(f"{path.name}: {fault}; next try in {wait_s:.0f} s, from {format_bytes(part.resumable)} on")
            sleep(wait_s)
    log(f"{path.name}: checking its sha1")
    found = file_sha1(part.path)
    if found != sha1:
        with part.path.open("rb") as file:
            start = file.read(64)
        part.remove()
        raise DataError(
            f"{url}: expected a file of sha1 {sha1}, found {found} (it begins with {format_value(start)}), and removed "
            f"it: run `dvc repro` again; if that does not help, the server has another file: {by_hand}"
        )
    part.finish()


def _format_wait(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def _transfer(url: str, part: PartialFile, *, sha1: str, n_bytes: int, room: float) -> None:
    """Make one request and append what comes."""
    headers = {"Accept-Encoding": "identity"} | part.range_headers()  # ranges of an encoded file are not the file's
    try:
        with (
            http_session.http_session() as session,
            session.get(url, headers=headers, stream=True, timeout=(_CONNECT_S, http_session.SILENCE_S)) as reply,
        ):
            accept(reply, part, n_bytes=n_bytes)
            total = part.total or n_bytes
            needed = max(0, math.ceil(total * (1 + room)) - part.size)
            require_space(part.path.parent, needed, what=f"the rest of {part.path.stem} and what is in it")
            _append(reply, part, limit=part.total or max_bytes(n_bytes))
            end_is_marked = reply.raw.chunked
    except (requests.RequestException, HTTPError, ValueError) as error:
        raise explain(error) from None
    if part.total is not None and not part.whole:
        raise PassingFaultError("the server ended the transfer early")
    if part.total is None:
        # where the end of the connection is that of the file, only the checksum tells it from a cut
        if not end_is_marked and part.size < n_bytes and file_sha1(part.path) != sha1:
            raise PassingFaultError(f"the connection was closed after {format_bytes(part.size)}, without a length")
        part.total = part.size


def _append(reply: requests.Response, part: PartialFile, *, limit: int) -> None:
    """Write the body as it arrives: each block goes to the system before the next one is read.

    Raises
    ------
    LastingFaultError
        When more bytes arrive than `limit`, although the server gave no length.
    """
    with (
        tqdm(total=part.total, initial=part.size, unit="B", unit_scale=True, desc=part.path.stem) as bar,
        name_file(part.path),
        part.append() as file,
    ):
        while (missing := limit - file.tell()) and (
            block := reply.raw.read1(min(_BLOCK, missing), decode_content=False)
        ):
            file.write(block)
            file.flush()
            bar.update(len(block))
        os.fsync(file.fileno())
    if part.total is None and not missing:
        part.remove()
        raise LastingFaultError(
            f"expected a file of at most {format_bytes(limit)}, found no end there, and removed what had come"
        )
