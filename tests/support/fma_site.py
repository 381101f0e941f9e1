"""A stand-in for FMA's site on loopback: archives in FMA's true form, and a server that misbehaves as a test asks."""

import hashlib
import io
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    """How the server answers one request; the defaults are a good server's."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None  # in place of the file
    etag: str | None = None  # in place of the file's own; empty: none
    cut: int | None = None  # bytes after which the connection breaks
    longer: int = 0  # bytes that are promised and do not come
    ranges: bool = True
    if_range: bool = True  # looks whether the version is still the same
    shift: int = 0  # of a part, against what was asked for
    pause_s: float = 0.0  # before each block
    hold_s: float = 0.0  # before the connection breaks


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

    def do_GET(self) -> None:
        name, asked = self.path.rsplit("/", 1)[-1], self.headers.get("Range", "")
        self.site.asked.append((name, asked))
        waiting = self.site.replies[name]
        reply = waiting.pop(0) if waiting else self.site.usual
        body = reply.body if reply.body is not None else self.site.files.get(name, b"")
        if name not in self.site.files:
            reply = replace(reply, status=404)
        etag = f'"{sha1_of(body)}"' if reply.etag is None else reply.etag
        status, headers, start = reply.status, dict(reply.headers), 0
        if status == 200 and asked and reply.ranges and (not reply.if_range or self.headers.get("If-Range") == etag):
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + reply.shift
            status = 206 if start < len(body) else 416
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        sent = body[start:] if status in (200, 206) else b""
        self.send_response(status)
        headers |= {"Content-Length": str(len(sent) + reply.longer)} | ({"ETag": etag} if etag else {})
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self._send(sent[: reply.cut], reply.pause_s)
        self.wfile.flush()
        time.sleep(reply.hold_s)

    def _send(self, body: bytes, pause_s: float) -> None:
        try:
            for place in range(0, len(body), 1 << 14):
                time.sleep(pause_s)
                self.wfile.write(body[place : place + (1 << 14)])
        except ConnectionError:  # a client that was killed, or had enough
            pass

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Site]:
    """Run the site while the block lasts."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        handler.site = Site(f"http://127.0.0.1:{server.server_port}/fma")
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
    """What a pickle of this makes when it is read: a file that a test looks for."""

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
