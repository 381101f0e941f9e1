"""Replies that give no file: which of them end a download at once, which are waited for, and what the user reads."""

import gzip
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest

from tests.support.file_site import DATA, NAME, fetch, part, refusal, starts
from tests.support.fma_site import Reply, Site, sha1_of


@pytest.mark.parametrize("status", [204, 206, 304, 401, 403, 404, 410, 416, 451, 501, 511])
def test_a_status_that_lasts_ends_the_download(site: Site, tmp_path: Path, status: int) -> None:
    site.usual = Reply(status=status)
    assert f"{site.url}/{NAME}: expected the file, the server says {status} " in refusal(site, tmp_path)
    assert len(site.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 520, 522])
def test_a_status_that_may_pass_is_asked_again(site: Site, tmp_path: Path, status: int, waits: list[float]) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(status=status))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000, 1_000_000]
    assert waits == [1.0, 1.0]


def test_a_busy_server_gets_the_time_it_asks_for(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": "7"}), Reply(status=429), Reply(status=500))
    fetch(site, tmp_path)
    assert waits == [7.0, 2.0, 4.0]


@pytest.mark.parametrize("asked", ["0", "-5", "soon", "1e3", "nan", "", "Sat, 01 Apr 2017 00:00:00 GMT", "Sat, 99 Apr"])
def test_a_wait_that_is_over_or_cannot_be_read_is_ours(
    site: Site, tmp_path: Path, waits: list[float], asked: str
) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": asked}))
    fetch(site, tmp_path)
    assert waits == [1.0]


def test_a_wait_until_a_date_is_kept(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": formatdate(time() + 120, usegmt=True)}))
    fetch(site, tmp_path)
    assert 115 < waits[0] <= 120


@pytest.mark.parametrize(
    ("asked", "said"),
    [("3600", "60 minutes"), ("9" * 4000, "360 minutes"), ("Fri, 31 Dec 9999 23:59:59 GMT", "360 minutes")],
)
def test_a_server_that_asks_for_an_hour_is_reported(
    site: Site, tmp_path: Path, waits: list[float], asked: str, said: str
) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": asked}))
    message = refusal(site, tmp_path)
    assert f"503 Service Unavailable: run `dvc repro` again later (the server asks for {said})" in message
    assert waits == []


def test_a_server_that_is_always_busy_is_left_with_the_wait_it_asks_for(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(status=429, headers={"Retry-After": "7"})
    assert "429 Too Many Requests: run `dvc repro` again later (the server asks for 7 s); or set" in refusal(
        site, tmp_path
    )


def packed(level: str) -> Reply:
    """Encode the file as a proxy does that is proud of it."""
    return Reply(body=gzip.compress(DATA, 1), headers={"Content-Encoding": level}, etag=f'"{sha1_of(DATA)}"')


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate", "br", "zstd", "gzip, identity", "GZIP"])
def test_an_encoded_file_is_refused_at_once_and_costs_no_byte(site: Site, tmp_path: Path, encoding: str) -> None:
    site.will(NAME, Reply(cut=1_000_000), packed(encoding))
    said = refusal(site, tmp_path)
    assert (
        f"found it encoded (Content-Encoding: '{encoding}'): set or change dataset.mirror, or put {NAME} into" in said
    )
    assert len(site.asked) == 2
    assert part(tmp_path) == DATA[:1_000_000]
    fetch(site, tmp_path)


@pytest.mark.parametrize("encoding", ["identity", "", "aws-chunked"])
def test_a_label_of_no_encoding_is_no_fault(site: Site, tmp_path: Path, encoding: str) -> None:
    site.usual = Reply(headers={"Content-Encoding": encoding})
    site.will(NAME, Reply(headers={"Content-Encoding": encoding}, cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000]


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "Text/HTML", "application/xhtml+xml"])
def test_a_page_of_a_proxy_does_not_cost_the_part(site: Site, tmp_path: Path, kind: str) -> None:
    page = Reply(body=b"<html>Log in first", headers={"Content-Type": kind}, ranges=False)
    site.will(NAME, Reply(cut=1_000_000), page)
    said = refusal(site, tmp_path)
    assert (
        f"expected an archive, found a page ({kind.split('+')[0].split(';')[0]}: open the address in a browser" in said
    )
    assert part(tmp_path) == DATA[:1_000_000]
    fetch(site, tmp_path)
    assert starts(site)[-1] == 1_000_000


def test_a_page_behind_a_redirect_is_named(site: Site, tmp_path: Path) -> None:
    site.files["login"] = b"<html>"
    site.will(NAME, Reply(status=302, headers={"Location": "/login?from=here"}))
    site.files["login?from=here"] = b"<html>"
    site.will("login?from=here", Reply(headers={"Content-Type": "text/html"}))
    assert f"at {site.url.removesuffix('/fma')}/login?from=here, to which the server redirects" in refusal(
        site, tmp_path
    )


def test_a_file_far_too_large_is_refused_before_it_comes(site: Site, tmp_path: Path) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(ranges=False, longer=10**13))
    assert "expected a file of 3.0 MB, found one of 10.0 TB" in refusal(site, tmp_path)
    assert part(tmp_path) == DATA[:1_000_000]


@pytest.mark.parametrize("length", ["-5", "many", "3e6"])
def test_a_length_that_is_none_is_no_fault(site: Site, tmp_path: Path, length: str) -> None:
    site.will(NAME, Reply(headers={"Content-Length": length}))
    fetch(site, tmp_path)


def test_two_lengths_are_asked_again(site: Site, tmp_path: Path) -> None:
    site.will(NAME, Reply(headers={"Content-Length": "5, 3000000"}))
    fetch(site, tmp_path)
    assert len(site.asked) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_with_the_range(site: Site, tmp_path: Path, status: int) -> None:
    site.files["moved"] = DATA
    site.will(NAME, Reply(cut=1_000_000), Reply(status=status, headers={"Location": f"{site.url}/moved"}))
    fetch(site, tmp_path)
    assert site.asked[-1] == ("moved", "bytes=1000000-")


@pytest.mark.parametrize(
    "place",
    ["ftp://127.0.0.1/x", "file:///etc/passwd", "http://[", "http://a..b/", f"http://{'a' * 70}.org"],
)
def test_a_redirect_to_where_no_file_can_be_is_refused_at_once(site: Site, tmp_path: Path, place: str) -> None:
    site.usual = Reply(status=302, headers={"Location": place})
    assert "expected an address that leads to a file by http or https, found a fault" in refusal(site, tmp_path)
    assert len(site.asked) == 1


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_the_body_of_a_redirect_is_not_read(site: Site, tmp_path: Path, framing: str) -> None:
    site.files["moved"] = DATA
    site.will(NAME, Reply(status=302, headers={"Location": f"{site.url}/moved"}, framing=framing, endless=True))
    fetch(site, tmp_path)


@pytest.mark.parametrize("status", [404, 503])
def test_the_body_of_a_fault_is_not_read(site: Site, tmp_path: Path, status: int) -> None:
    site.will(NAME, *(Reply(status=status, framing="chunked", endless=True) for _ in range(6)))
    assert f"the server says {status}" in refusal(site, tmp_path)


def test_a_redirect_in_a_circle_is_refused(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(status=302, headers={"Location": f"/fma/{NAME}"})
    assert "found a fault (Exceeded 30 redirects.)" in refusal(site, tmp_path)


RAW = {
    "nothing": b"",
    "no HTTP": b"220 Welcome to FTP\r\n",
    "a status that is no number": b"HTTP/1.1 OK\r\n\r\n",
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200,
    "a header of a megabyte": b"HTTP/1.1 200 OK\r\nX: " + b"y" * (1 << 20) + b"\r\n\r\n",
    "a cut within the headers": b"HTTP/1.1 200 OK\r\nContent-Le",
    "chunks of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "a chunk cut off": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
}


@pytest.mark.parametrize("raw", RAW.values(), ids=RAW.keys())
def test_what_is_no_reply_is_asked_again_and_reported(site: Site, tmp_path: Path, raw: bytes) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(raw=raw))
    fetch(site, tmp_path)
    (tmp_path / NAME).unlink()
    site.usual = Reply(raw=raw)
    said = refusal(site, tmp_path)
    assert "run `dvc repro` again later" in said
    assert len(said) < 500
