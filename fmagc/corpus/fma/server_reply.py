"""Examination of a server's reply: the whole file, the rest of it, or a fault that passes or does not."""

import math
import re
from http import HTTPStatus
from http.client import IncompleteRead, responses
from ssl import SSLCertVerificationError

import requests
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util import Retry

from fmagc.corpus.fma.http_session import ServerPaceError
from fmagc.corpus.fma.partial_file import PartialFile
from fmagc.errors import format_bytes, format_value
from fmagc.runtime.entrypoint import log

__all__ = ["LastingFaultError", "PassingFaultError", "accept", "explain", "max_bytes"]

_ROUNDING = 0.1  # share by which a file may be larger than its rounded size
_PASSING = {408, 425, 429}
_LASTING = {501, 505, 511}  # of the server's own faults; all others may pass
_AS_IS = {"", "identity", "aws-chunked"}  # the last: stores of S3's kind keep it as a label of what they decoded
_PAGE = re.compile(r"text/html|application/xhtml", re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_BEYOND = re.compile(r"bytes \*/(\d+)")
_BAD_ADDRESS = (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL, requests.TooManyRedirects)


class PassingFaultError(Exception):
    """A fault that may be over at the next try.

    Attributes
    ----------
    wait_s : float
        Seconds that the server asks to wait; 0 where it asks for none.
    """

    def __init__(self, what: str, *, wait_s: float = 0.0) -> None:
        super().__init__(what)
        self.wait_s = wait_s


class LastingFaultError(Exception):
    """A fault that another try does not remove."""


def max_bytes(n_bytes: int) -> int:
    """Return the largest size that a file of a rounded size may have."""
    return math.ceil((1 + _ROUNDING) * n_bytes)


def accept(reply: requests.Response, part: PartialFile, *, n_bytes: int) -> None:
    """Accept a reply that gives the rest of a partial file, or the whole file, which then replaces the part.

    Raises
    ------
    PassingFaultError
        When the server asks to try again later, or the rest does not fit the part, which is then removed.
    LastingFaultError
        When the server gives no file, an encoded one, or one much larger than `n_bytes`; the part stays.
    """
    status = reply.status_code
    said = f"the server says {status} {responses.get(status, '')}".rstrip()
    if status in _PASSING or (status >= HTTPStatus.INTERNAL_SERVER_ERROR and status not in _LASTING):
        raise PassingFaultError(said, wait_s=_retry_after(reply))
    asked_for_rest = part.resumable > 0
    if asked_for_rest and status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and _ends_with(reply, part):
        part.total = part.size
        return
    if asked_for_rest and status in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        _require_as_is(reply)
        if _continues(reply, part):
            return
        part.remove()
        raise PassingFaultError(f"{said}, which does not fit the part already downloaded; starting again")
    if status != HTTPStatus.OK:
        raise _refuse(reply, f"expected the file, {said}")
    if page := _PAGE.match(reply.headers.get("Content-Type", "")):  # of a proxy, or of a portal with a login
        raise _refuse(reply, f"expected an archive, found a page ({page[0]}: open the address in a browser to see why)")
    _require_as_is(reply)
    length = reply.raw.length_remaining
    if length is not None and length > max_bytes(n_bytes):
        raise _refuse(reply, f"expected a file of {format_bytes(n_bytes)}, found one of {format_bytes(length)}")
    if asked_for_rest:
        log(f"{part.path.stem}: the server has another version by now, or gives no parts of files; starting again")
    part.begin(_validator(reply), length)


def explain(error: Exception) -> PassingFaultError | LastingFaultError:
    """Turn what requests or urllib3 raises into a fault that may pass, or one that lasts."""
    cause = _innermost(error)
    not_of_http = not isinstance(error, requests.RequestException | HTTPError)  # a ValueError of urllib.parse
    if not_of_http or isinstance(error, _BAD_ADDRESS) or isinstance(cause, LocationValueError | UnicodeError):
        return LastingFaultError(f"expected an address that leads to a file by http or https, found a fault ({cause})")
    if isinstance(cause, SSLCertVerificationError):
        return LastingFaultError(
            f"expected a certificate that this machine trusts, found a fault ({cause.verify_message}): if your network "
            "decrypts what it passes on, name its certificate in the environment variable REQUESTS_CA_BUNDLE; or else"
        )
    if isinstance(cause, ServerPaceError):
        return PassingFaultError(str(cause))
    if isinstance(error, requests.ConnectTimeout):
        what = "no connection in time"
    elif isinstance(cause, TimeoutError):
        what = "no byte came in time"
    elif isinstance(cause, IncompleteRead):
        what = "the connection was closed before the end"
    else:
        what = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    return PassingFaultError(f"the transfer broke off ({what[:1].lower()}{what[1:]})")


def _refuse(reply: requests.Response, what: str) -> LastingFaultError:
    return LastingFaultError(what + (f" at {reply.url}, to which the server redirects" if reply.history else ""))


def _innermost(error: BaseException) -> BaseException:
    """Return the cause below all wrappers, which repeat addresses and add nothing."""
    seen = [error]
    while True:
        inner = (getattr(seen[-1], "reason", None), seen[-1].__cause__, *seen[-1].args)
        causes = [cause for cause in inner if isinstance(cause, BaseException) and cause not in seen]
        if not causes:
            return seen[-1]
        seen.append(causes[0])


def _require_as_is(reply: requests.Response) -> None:
    """Refuse an encoded body: its bytes are not the file's, and an interrupted one cannot be resumed."""
    encoding = reply.headers.get("Content-Encoding", "")
    if encoding.strip().lower() not in _AS_IS:
        raise _refuse(
            reply,
            "expected the file as it is (Accept-Encoding: identity), found it encoded "
            f"(Content-Encoding: {format_value(encoding)})",
        )


def _continues(reply: requests.Response, part: PartialFile) -> bool:
    """Check whether a reply gives exactly the bytes after a part, of the same version of the file."""
    found = _RANGE.fullmatch(reply.headers.get("Content-Range", ""))
    if found is None or _validator(reply) not in (None, part.validator):
        return False
    return int(found[1]) == part.size and (part.total is None or found[2] in ("*", str(part.total)))


def _ends_with(reply: requests.Response, part: PartialFile) -> bool:
    """Check whether a part is already as long as the server's file, so that no byte is missing."""
    found = _BEYOND.fullmatch(reply.headers.get("Content-Range", ""))
    return found is not None and int(found[1]) == part.size and _validator(reply) in (None, part.validator)


def _validator(reply: requests.Response) -> str | None:
    """Return what identifies a version of a file: a strong ETag, or else the date (RFC 9110, section 13.1.5)."""
    etag = reply.headers.get("ETag", "W/")
    return reply.headers.get("Last-Modified") if etag.startswith("W/") else etag


def _retry_after(reply: requests.Response) -> float:
    """Return the wait in seconds that a server asks for; 0 when it asks for none, or for nothing that can be read."""
    try:
        return float(Retry().parse_retry_after(reply.headers.get("Retry-After", "0")))
    except (HTTPError, ValueError, OverflowError):
        return 0.0
