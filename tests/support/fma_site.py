"""A stand-in for FMA's site on loopback: archives in FMA's true form, and a server that misbehaves as a test asks."""

import hashlib
import io
import ssl
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from fmagc.corpus.fma.archives import CLIPS, TABLES
from tests.support.mini_corpus import NAME

SMALL = CLIPS["fma_small"]


def sha1_of(data: bytes) -> str:
    """Return the SHA-1 in hex."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Reply:
    """The server's answer to one request; the defaults are a good server's."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # in place of the file
    etag: str | None = None  # in place of the file's own; empty: none
    cut: int | None = None  # bytes after which the connection breaks
    longer: int = 0  # bytes that are promised and do not come
    ranges: bool = True
    if_range: bool = True  # looks whether the version is still the same
    shift: int = 0  # of a part, against what was asked for
    slice: int | None = None  # bytes that are given of a range at most
    total: str | None = None  # of a range, in place of the file's size
    framing: str = "length"  # or "chunked", or "close": the end of the connection is that of the file
    endless: bool = False  # zeros follow the body for ever
    block: int = 1 << 14
    pause_s: float = 0.0  # before each block
    hold_s: float = 0.0  # before the connection breaks
    raw: bytes | None = None  # in place of all of HTTP


@dataclass
class Site:
    """Files by name, the answers to come, and the requests that were made."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    replies: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    usual: Reply = Reply()
    asked: list[tuple[str, str]] = field(default_factory=list)  # name and Range

    def will(self, name: str, *replies: Reply) -> None:
        """Answer the next requests for a file in this way."""
        self.replies[name] += replies


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name, asked = self.path.rsplit("/", 1)[-1], self.headers.get("Range", "")
        self.site.asked.append((name, asked))
        self.close_connection = True
        waiting = self.site.replies[name]
        reply = waiting.pop(0) if waiting else self.site.usual
        body = reply.body if reply.body is not None else self.site.files.get(name, b"")
        if name not in self.site.files:
            reply = replace(reply, status=404)
        if reply.raw is not None:
            with suppress(ConnectionError):
                for place in range(0, len(reply.raw), reply.block):
                    time.sleep(reply.pause_s)
                    self.wfile.write(reply.raw[place : place + reply.block])
            return
        etag = f'"{sha1_of(body)}"' if reply.etag is None else reply.etag
        status, headers, start = reply.status, dict(reply.headers), 0
        if status == 200 and asked and reply.ranges and (not reply.if_range or self.headers.get("If-Range") == etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + reply.shift
            body = body[: start + reply.slice] if reply.slice else body
            status = 206 if start < len(body) else 416
            total = reply.total or str(len(self.site.files[name] if reply.slice else body))
            place = f"{start}-{len(body) - 1}" if status == 206 else "*"
            headers.setdefault("Content-Range", f"bytes {place}/{total}")
        sent = body[start:] if status in (200, 206) else b""
        self.send_response(status)
        framing = {
            "length": {"Content-Length": str(len(sent) + reply.longer)},
            "chunked": {"Transfer-Encoding": "chunked"},
            "close": {},
        }[reply.framing]
        headers = framing | {"Connection": "close"} | ({"ETag": etag} if etag else {}) | headers
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        with suppress(ConnectionError):  # a client that was killed, or had enough
            self._send(sent[: reply.cut], reply)
        self.wfile.flush()
        time.sleep(reply.hold_s)

    def _send(self, body: bytes, reply: Reply) -> None:
        wrap = (lambda block: b"%x\r\n%b\r\n" % (len(block), block)) if reply.framing == "chunked" else bytes
        for place in range(0, len(body), reply.block):
            time.sleep(reply.pause_s)
            self.wfile.write(wrap(body[place : place + reply.block]))
        while reply.endless:
            self.wfile.write(wrap(bytes(reply.block)))
        if reply.framing == "chunked" and reply.cut is None:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Run the site while the block lasts, over TLS if need be."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        handler.site = Site(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/fma")
        Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield handler.site
        server.shutdown()


def zipped(members: Mapping[str, bytes], *, method: int = zipfile.ZIP_BZIP2) -> bytes:
    """Pack files as FMA does: BZIP2, regular files of mode 0444."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, (2017, 4, 1, 0, 0, 0))
            info.external_attr = 0o100444 << 16
            info.compress_type = method
            file.writestr(info, content)
    return buffer.getvalue()


def with_checksums(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Put README.txt and checksums in front of the files of an archive."""
    listed = "".join(f"{sha1_of(content)}  {name}\n" for name, content in files.items())
    unlisted = {"README.txt": b"A stand-in for FMA.\n", "checksums": listed.encode()}
    return {f"{folder}/{name}": content for name, content in (unlisted | dict(files)).items()}


class _Opened:
    """Make a file that a test looks for, when a pickle of this is read."""

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("pickle-was-opened"),))


def fma_archives(mini: Path) -> dict[str, bytes]:
    """Pack the mini corpus as fma_small.zip and fma_metadata.zip."""
    import pickle

    clips = {path.relative_to(mini / NAME).as_posix(): path.read_bytes() for path in (mini / NAME).rglob("*.mp3")}
    tables = {path.name: path.read_bytes() for path in (mini / "fma_metadata").glob("*.csv")}
    others = {"raw_tracks.csv": b"track_id\n" * 1000, "not_found.pickle": pickle.dumps(_Opened())}
    return {
        SMALL.file: zipped(with_checksums(SMALL.name, dict(sorted(clips.items())))),
        TABLES.file: zipped(with_checksums(TABLES.name, tables | others)),
    }
