"""One file over HTTP, resumable: a cut, a kill or a busy server costs no byte that has come already.

A part file grows beside the file to be, and a note beside it says which version of the server's file it is a part of.
"""

import math
import os
import re
from pathlib import Path
from time import sleep

import requests
from tqdm import tqdm
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from fmagc.errors import DataError, format_value, name_file
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import file_sha1, read_record, replace_with, write_record
from fmagc.runtime.free_space import require_space

__all__ = ["download"]

_BLOCK = 1 << 16
_CONNECT_S, _SILENCE_S = 30.0, 60.0  # the longest waits for a connection, and for the next byte
_TRIES = 6  # in a row without a byte more; waits of 1, 2, 4, 8 and 16 s lie between them
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 600.0  # a server that asks for more is told to the user
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


def download(url: str, path: Path, *, sha1: str, n_bytes: int, room: float) -> None:
    """Fetch a file; its name appears when all its bytes are there and have the right checksum.

    Parameters
    ----------
    url : str
    path : Path
        Until it is whole, the file is called ``<name>.part``; it and ``<name>.part.json`` let a later call go on.
    sha1 : str
    n_bytes : int
        Size of the file about, for a server that does not tell it.
    room : float
        Room that must be free beyond the file itself, as a multiple of its size.

    Raises
    ------
    DataError
        When the server does not give the file, or gives another one, or the disk lacks room.
    """
    part = _Part(path)
    tries, furthest = _TRIES, part.size
    while not part.whole:
        try:
            _transfer(url, part, n_bytes=n_bytes, room=room)
        except _PassingFaultError as fault:
            tries = _TRIES if part.size > furthest else tries - 1
            furthest = max(furthest, part.size)
            wait_s = max(fault.wait_s, _FIRST_WAIT_S * 2.0 ** (_TRIES - tries - 1))
            if not tries or fault.wait_s > _LONGEST_WAIT_S:
                asked = f" (the server asks for {fault.wait_s / 60:.0f} minutes)" if fault.wait_s else ""
                raise DataError(
                    f"{url}: {fault}: {part.size / 1e6:.1f} MB lie in {part.path}: run `dvc repro` again later{asked}, "
                    "it goes on from there; or set dataset.mirror, or put the file there yourself"
                ) from None
            log(f"{path.name}: {fault}; next try in {wait_s:.0f} s, from {part.size / 1e6:.1f} MB on")
            sleep(wait_s)
    log(f"{path.name}: checking its sha1")
    found = file_sha1(part.path)
    if found != sha1:
        with part.path.open("rb") as file:
            start = file.read(64)
        part.forget()
        raise DataError(
            f"{url}: expected a file of sha1 {sha1}, found {found} (it begins with {format_value(start)}), and removed "
            "it: run `dvc repro` again; if that does not help, the server has another file: set "
            "or change dataset.mirror"
        )
    part.finish()


class _PassingFaultError(Exception):
    """What may be over at the next try."""

    def __init__(self, what: str, *, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class _Part:
    """What has come of a file so far.

    Attributes
    ----------
    validator : str or None
        Of the version of the server's file that it belongs to: a strong ETag, or a date; None: the server tells none,
        so that a later request could get the rest of another version.
    total : int or None
        Size of that version, if known.
    """

    def __init__(self, path: Path) -> None:
        self._final = path
        self.path = path.with_name(f"{path.name}.part")
        self._note = path.with_name(f"{path.name}.part.json")
        self.validator: str | None = None
        self.total: int | None = None
        try:
            note = read_record(self._note, stage="fetch")
        except DataError:
            return
        self.validator, self.total = note.get("validator"), note.get("bytes")

    @property
    def size(self) -> int:
        """Bytes that a next request can go on from."""
        return self.path.stat().st_size if self.path.exists() and self.validator else 0

    @property
    def whole(self) -> bool:
        """Whether nothing is missing."""
        return self.total is not None and self.path.exists() and self.path.stat().st_size == self.total

    def wish(self) -> dict[str, str]:
        """Return the headers that ask for the rest, if it belongs to the same version, and else for all."""
        return {"Range": f"bytes={self.size}-", "If-Range": str(self.validator)} if self.size else {}

    def begin(self, validator: str | None, total: int | None) -> None:
        """Begin anew; the note is never of another version than the bytes."""
        self.forget()
        self.path.touch()
        self.validator, self.total = validator, total
        if validator:
            write_record(self._note, {"validator": validator, "bytes": total})

    def forget(self) -> None:
        """Remove it."""
        self.validator = self.total = None
        self._note.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give it the name of the file."""
        replace_with(self._final, self.path)
        self._note.unlink(missing_ok=True)


def _transfer(url: str, part: _Part, *, n_bytes: int, room: float) -> None:
    """Make one request and append what comes."""
    wish = {"Accept-Encoding": "identity"} | part.wish()  # packed on the way, bytes and ranges would not be the file's
    try:
        with requests.get(url, headers=wish, stream=True, timeout=(_CONNECT_S, _SILENCE_S)) as reply:
            _accept(reply, part)
            total = part.total or n_bytes
            needed = max(0, math.ceil(total * (1 + room)) - part.size)
            require_space(part.path.parent, needed, what=f"the rest of {part.path.stem} and what is in it")
            _append(reply, part)
    except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.TooManyRedirects) as error:
        raise DataError(
            f"{url}: expected the address of a file, found a fault ({error}): mend dataset.mirror"
        ) from None
    except requests.RequestException as error:
        raise _PassingFaultError(f"the transfer broke off ({error})") from None
    if part.total is None:  # without a length, the end is where the server says so
        part.total = part.path.stat().st_size


def _accept(reply: requests.Response, part: _Part) -> None:
    """Let a reply through that gives the rest of the part, or the whole file, for which the part is begun anew."""
    status, kind = reply.status_code, reply.headers.get("Content-Type", "")
    said = f"the server says {status} {reply.reason}"
    if status in _PASSING:
        raise _PassingFaultError(said, wait_s=_retry_after(reply))
    if status == 206 and _goes_on(reply, part):
        return
    if status in (206, 416):
        part.forget()
        raise _PassingFaultError(f"{said}, which does not fit the part that is here; begin anew")
    if status != 200:
        raise DataError(
            f"{reply.url}: expected the file, {said}: set or change dataset.mirror, or put the file there yourself"
        )
    if kind.startswith("text/html"):  # of a proxy, or of a portal that wants a login
        raise DataError(
            f"{reply.url}: expected an archive, found a page ({kind}): open the address in a browser to see why"
        )
    if part.size:
        log(f"{part.path.stem}: the server has another version by now, or gives no parts of files; begin anew")
    length = reply.headers.get("Content-Length", "")
    part.begin(_validator(reply), int(length) if length.isdigit() else None)


def _goes_on(reply: requests.Response, part: _Part) -> bool:
    """Tell whether a reply gives exactly the bytes after the part, of the same version of the file."""
    found = _RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    if found is None or _validator(reply) not in (None, part.validator):
        return False
    return int(found[1]) == part.size and part.total in (None, int(found[2]))


def _append(reply: requests.Response, part: _Part) -> None:
    """Write the body block by block, each of which is in the system's hands before the next is asked for."""
    bar = tqdm(total=part.total, initial=part.size, unit="B", unit_scale=True, unit_divisor=1024, desc=part.path.stem)
    with bar, name_file(part.path), part.path.open("ab") as file:
        for block in reply.iter_content(_BLOCK):
            file.write(block)
            file.flush()
            bar.update(len(block))
        os.fsync(file.fileno())


def _validator(reply: requests.Response) -> str | None:
    """Return what tells versions of a file apart, byte by byte (RFC 9110, section 13.1.5): no weak ETag does."""
    etag = reply.headers.get("ETag", "W/")
    return reply.headers.get("Last-Modified") if etag.startswith("W/") else etag


def _retry_after(reply: requests.Response) -> float:
    """Return the wait in seconds that a server asks for; 0 when it asks for none, or for nothing that can be read."""
    try:
        return float(Retry().parse_retry_after(reply.headers.get("Retry-After", "0")))
    except InvalidHeader:
        return 0.0
