"""One file over HTTP, from a server on loopback that breaks off, never ends, or changes its mind."""

from pathlib import Path

import pytest

from fmagc.corpus.fma import download as downloads
from fmagc.corpus.fma import http_session
from tests.support.file_site import DATA, NAME, OTHER, fetch, part, refusal, starts
from tests.support.fma_site import Reply, Site, serving, sha1_of


def test_a_file_comes_whole(site: Site, tmp_path: Path, waits: list[float]) -> None:
    fetch(site, tmp_path)
    assert site.asked == [(NAME, "")]
    assert waits == []


def test_a_cut_transfer_goes_on_where_it_was(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(cut=500_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000, 1_500_000]
    assert len(waits) == 2


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_connection_that_always_breaks_early_gets_on(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, framing: str
) -> None:
    monkeypatch.setattr(http_session, "MIN_RATE", 0.0)  # of a connection that lives for a millisecond
    site.usual = Reply(cut=50_000, framing=framing, block=1000)
    fetch(site, tmp_path)
    assert starts(site)[:60] == list(range(0, len(DATA), 50_000))


def test_a_later_run_goes_on_where_the_last_one_was(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_TRIES", 1)
    site.will(NAME, Reply(cut=1_000_000), Reply(cut=0))
    said = refusal(site, tmp_path)
    assert "the transfer broke off (the connection was closed before the end)" in said
    assert f"1.0 MB lie in {tmp_path / NAME}.part, and the next run goes on from there" in said
    assert part(tmp_path) == DATA[:1_000_000]
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000, 1_000_000]


def test_a_part_that_is_whole_is_not_asked_for_again(site: Site, tmp_path: Path) -> None:
    site.will(NAME, Reply(cut=1_000_000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(downloads, "_TRIES", 0)
        refusal(site, tmp_path)
    (tmp_path / f"{NAME}.part").write_bytes(DATA)  # as if killed before the last step
    site.asked.clear()
    fetch(site, tmp_path)
    assert site.asked == []


@pytest.mark.parametrize(
    ("case", "then"),
    {
        "no parts of files": Reply(ranges=False),
        "a part of another place": Reply(if_range=False, shift=100),
        "a part of a file of another size": Reply(total="3000001"),
        "a part without its place": Reply(headers={"Content-Range": "", "Content-Type": "multipart/byteranges"}),
        "not satisfiable": Reply(shift=len(DATA)),
    }.items(),
)
def test_what_does_not_fit_the_part_begins_it_anew(site: Site, tmp_path: Path, case: str, then: Reply) -> None:
    site.will(NAME, Reply(cut=1_000_000), then)
    if case == "not satisfiable":
        site.will(NAME, Reply(cut=1_000_000))  # the whole file, asked for without a range
        site.replies[NAME][1:2] = [Reply(status=416, headers={"Content-Range": "bytes */999"})]
    fetch(site, tmp_path)
    if case != "no parts of files":  # the answer to a Range was of no use: without one, the whole file comes
        assert starts(site)[2] == 0


def test_a_part_of_a_file_whose_size_the_server_does_not_name_goes_on(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(total="*")
    site.will(NAME, Reply(cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000]


def test_a_server_that_gives_a_slice_at_a_time_is_asked_for_all_of_them(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(slice=800_000)
    site.will(NAME, Reply(cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000, 1_800_000, 2_600_000]


@pytest.mark.parametrize("if_range", [True, False], ids=["a server that looks", "a server that does not"])
def test_two_versions_are_never_spliced(site: Site, tmp_path: Path, if_range: bool) -> None:
    site.usual = Reply(if_range=if_range)
    site.will(NAME, Reply(cut=1_000_000, body=OTHER))
    fetch(site, tmp_path)


def test_a_server_with_another_version_each_time_is_left(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, *(Reply(cut=1_000_000, etag=f'"{number}"') for number in range(20)))
    refusal(site, tmp_path)
    assert len(waits) < 10


@pytest.mark.parametrize("etag", ['W/"weak"', ""])
def test_a_server_without_versions_is_asked_for_all(site: Site, tmp_path: Path, etag: str) -> None:
    site.usual = Reply(etag=etag, if_range=False)
    site.will(NAME, Reply(etag=etag, cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 0]


def test_a_date_tells_versions_apart_where_there_is_no_etag(site: Site, tmp_path: Path) -> None:
    dated = Reply(etag="", if_range=False, headers={"Last-Modified": "Sat, 01 Apr 2017 00:00:00 GMT"})
    site.usual = dated
    site.will(NAME, Reply(etag="", headers=dated.headers, cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000]


def test_another_file_is_reported_and_removed(site: Site, tmp_path: Path) -> None:
    site.files[NAME] = b"not what was expected"
    said = refusal(site, tmp_path)
    for sha1 in (sha1_of(DATA), sha1_of(site.files[NAME])):
        assert sha1 in said
    assert "begins with b'not what was expected'" in said
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_is_too_long_costs_no_byte(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(longer=1000)
    fetch(site, tmp_path)
    assert starts(site) == [0, len(DATA)]


def test_a_length_that_is_too_short_is_noticed(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(longer=-1000)
    assert "expected a file of sha1" in refusal(site, tmp_path)


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_file_comes_whole_without_a_length(site: Site, tmp_path: Path, framing: str) -> None:
    site.usual = Reply(framing=framing)
    fetch(site, tmp_path)
    assert starts(site) == [0]


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_cut_without_a_length_is_told_from_the_end(site: Site, tmp_path: Path, framing: str) -> None:
    site.usual = Reply(framing=framing)
    site.will(NAME, Reply(framing=framing, cut=1_000_000))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000]


@pytest.mark.parametrize("framing", ["chunked", "close"])
def test_a_body_without_end_is_left_at_the_known_size(site: Site, tmp_path: Path, framing: str) -> None:
    site.usual = Reply(framing=framing, endless=True)
    assert "expected a file of at most 3.3 MB, found no end there" in refusal(site, tmp_path)
    assert starts(site) == [0]
    assert list(tmp_path.iterdir()) == []


def test_a_rest_without_end_is_left_at_the_end_of_the_file(site: Site, tmp_path: Path) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(framing="chunked", endless=True))
    fetch(site, tmp_path)
    assert starts(site) == [0, 1_000_000]


def test_a_rest_that_brings_nothing_ends_after_some_tries(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.usual = Reply(framing="chunked", cut=0, raw=None)
    site.will(NAME, Reply(cut=1_000_000))
    refusal(site, tmp_path)
    assert part(tmp_path) == DATA[:1_000_000]
    assert len(waits) == 6


def test_nobody_there_is_reported_after_some_tries(tmp_path: Path, waits: list[float]) -> None:
    with serving() as gone:
        pass
    said = refusal(gone, tmp_path)
    assert "the transfer broke off (connection refused): run `dvc repro` again later; or set" in said
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_disk_without_room_gets_no_byte(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 2 * len(DATA) - 1})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    said = refusal(site, tmp_path)
    assert f"the rest of {NAME} and what is in it need up to 6.0 MB, 6.0 MB are free: make room for 1 byte more" in said
    assert part(tmp_path) == b""
