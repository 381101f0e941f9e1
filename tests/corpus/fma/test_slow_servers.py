"""Servers that fall silent, crawl, drip or send no end of what is around the file: each is left in time."""

import time
from pathlib import Path

import pytest

from fmagc.corpus.fma import download as downloads
from fmagc.corpus.fma import http_session
from tests.support.file_site import DATA, NAME, fetch, part, refusal, starts
from tests.support.fma_site import Reply, Site, sha1_of


def test_a_server_that_falls_silent_is_left_and_asked_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_session, "SILENCE_S", 0.2)
    silent = Reply(longer=1_000_000, body=DATA[:1_000_000], etag=f'"{sha1_of(DATA)}"', pause_s=0.001)
    site.will(NAME, silent, Reply(pause_s=0.5))
    fetch(site, tmp_path)
    assert len(site.asked) == 3


def test_a_server_that_crawls_is_left_and_what_came_is_kept(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_session, "SILENCE_S", 0.2)
    site.usual = Reply(block=1, pause_s=0.01)
    said = refusal(site, tmp_path)
    assert "the server sent only" in said
    assert len(site.asked) == 6
    assert 0 < len(part(tmp_path)) < 1000
    assert DATA.startswith(part(tmp_path))
    site.usual = Reply()
    fetch(site, tmp_path)
    assert starts(site)[-1] > 0


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "raw",
    {
        "status": b"HTTP/1.1 200 " + b"O" * 5000 + b"\r\n\r\n",
        "headers": b"HTTP/1.1 200 OK\r\n" + b"X-Fill: a\r\n" * 90,
        "size of a chunk": CHUNKED + b"0" * 5000,
        "extension of a chunk": CHUNKED + b"5;" + b"a" * 5000,
        "chunks of one byte": CHUNKED + b"1\r\na\r\n" * 1000,
        "trailers": CHUNKED + b"1\r\na\r\n0\r\n" + b"X-Fill: a\r\n" * 500,
    }.items(),
    ids=lambda case: case[0],
)
def test_a_server_that_drips_what_is_around_the_file_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: tuple[str, bytes]
) -> None:
    monkeypatch.setattr(http_session, "SILENCE_S", 0.2)
    monkeypatch.setattr(downloads, "_TRIES", 1)
    site.usual = Reply(raw=raw[1], block=1, pause_s=0.004)
    began = time.monotonic()
    assert "the server sent only" in refusal(site, tmp_path)
    assert time.monotonic() - began < len(raw[1]) * 0.004 / 2


@pytest.mark.parametrize(
    "raw",
    {
        "interim replies": b"HTTP/1.1 100 Continue\r\n\r\n" * 200_000,
        "trailers": CHUNKED + b"1\r\na\r\n0\r\n" + b"X-Fill: a\r\n" * 400_000,
    }.items(),
    ids=lambda case: case[0],
)
def test_a_server_that_sends_no_end_of_what_is_around_the_file_is_left(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raw: tuple[str, bytes]
) -> None:
    monkeypatch.setattr(downloads, "_TRIES", 1)
    site.usual = Reply(raw=raw[1])
    assert "the server sent more than 1.0 MB around the file's own bytes" in refusal(site, tmp_path)


def test_a_server_that_thinks_before_it_answers_is_waited_for(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_session, "SILENCE_S", 1.0)
    site.will(NAME, Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + DATA, block=10**7, pause_s=0.9))
    fetch(site, tmp_path)
    assert len(site.asked) == 1


def test_a_byte_a_connection_is_no_progress(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_session, "MIN_RATE", 1e6)  # of a connection that lives for a millisecond
    site.usual = Reply(cut=1)
    assert f"6 bytes lie in {tmp_path / NAME}.part" in refusal(site, tmp_path)
