"""An HTTP session that bounds what a server can make it read: no body that nobody asks for, and nothing too slowly."""

import http.client
import io
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from fmagc.errors import format_bytes

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["MIN_RATE", "SILENCE_S", "ServerPaceError", "http_session"]

SILENCE_S = 30.0  # the longest wait for the next byte
MIN_RATE = 1000.0  # bytes/s over so long a wait: a slower server is as good as a silent one
_MOST_AROUND = 1 << 20  # bytes of headers, of the sizes of chunks, or of what follows the last chunk


class ServerPaceError(OSError):
    """A server sends too slowly, or sends more around a file than HTTP needs."""


def http_session() -> requests.Session:
    """Open a session with the proxies and certificates of the environment."""
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter())
    return session


class _Adapter(HTTPAdapter):
    """Reads replies at a pace, and leaves out the body of a redirect, which requests takes into memory as a whole."""

    def init_poolmanager(self, *arguments: Any, **settings: Any) -> None:
        super().init_poolmanager(*arguments, **settings)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **settings: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(proxy, **settings)
        if type(manager) is ProxyManager:  # one for SOCKS has pools of its own
            manager.pool_classes_by_scheme = _POOLS
        return manager

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        reply = super().build_response(req, resp)
        if reply.is_redirect:
            reply.raw.close()
            reply.raw = io.BytesIO()
        return reply


class _PacedBytes(io.RawIOBase):
    """The bytes of a socket: from the first one on at `MIN_RATE` or more, and no more than is allowed."""

    def __init__(self, source: io.RawIOBase) -> None:
        self._source = source
        self._allowed = _MOST_AROUND
        self._came, self._waited_s, self._started = 0, 0.0, False

    def allow(self, n_bytes: int) -> None:
        """Set how many bytes may come until this is called again."""
        self._allowed = n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        if self._allowed <= 0:
            raise ServerPaceError(f"the server sent more than {format_bytes(_MOST_AROUND)} around the file's own bytes")
        began = monotonic()
        n_bytes = self._source.readinto(buffer)
        self._allowed -= n_bytes or 0
        self._waited_s += (monotonic() - began) * self._started  # how long a server thinks is not its pace
        self._came, self._started = self._came + (n_bytes or 0), True
        if self._waited_s >= SILENCE_S:
            if self._came < MIN_RATE * self._waited_s:
                raise ServerPaceError(f"the server sent only {format_bytes(self._came)} in {self._waited_s:.0f} s")
            self._came, self._waited_s = 0, 0.0
        return n_bytes

    def close(self) -> None:
        self._source.close()
        super().close()


class _Reply(http.client.HTTPResponse):
    """A reply whose headers, chunks and body are read at a pace."""

    def __init__(self, sock: socket.socket, *arguments: Any, **settings: Any) -> None:
        super().__init__(sock, *arguments, **settings)
        self._bytes = _PacedBytes(self.fp.detach())
        self.fp = io.BufferedReader(self._bytes)

    def read1(self, n: int = -1) -> bytes:
        self._bytes.allow(max(0, n) + _MOST_AROUND)
        return super().read1(n)


class _Connection(HTTPConnection):
    response_class = _Reply


class _SecureConnection(HTTPSConnection):
    response_class = _Reply


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}
