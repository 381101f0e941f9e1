"""One file over HTTP, from a server on loopback that breaks off, changes its mind, or gives something else."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fmagc.corpus.fma import download as downloads
from fmagc.corpus.fma.download import download
from fmagc.errors import DataError
from tests.support.fma_site import Reply, Site, serving, sha1_of

DATA = np.random.default_rng(0).bytes(3_000_000)
OTHER = np.random.default_rng(1).bytes(3_000_000)
NAME = "file.zip"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as running:
        running.files[NAME] = DATA
        yield running


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Note the waits between tries, and do not wait."""
    waited: list[float] = []
    monkeypatch.setattr(downloads, "sleep", waited.append)
    return waited


def fetch(site: Site, folder: Path, *, expected: bytes = DATA) -> Path:
    sha1 = sha1_of(expected)
    download(f"{site.url}/{NAME}", folder / NAME, sha1=sha1, n_bytes=len(DATA), room=1.0)
    assert [path.name for path in folder.iterdir()] == [NAME], "nothing is left of the part"
    assert (folder / NAME).read_bytes() == expected
    return folder / NAME


def refusal(site: Site, folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        fetch(site, folder)
    assert not (folder / NAME).exists()
    return str(caught.value)


def part(folder: Path) -> bytes:
    return (folder / f"{NAME}.part").read_bytes()


def test_a_file_comes_whole(site: Site, tmp_path: Path, waits: list[float]) -> None:
    fetch(site, tmp_path)
    assert site.asked == [(NAME, "")]
    assert waits == []


def test_a_cut_transfer_goes_on_where_it_was(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(cut=1_000_000), Reply(cut=500_000))
    fetch(site, tmp_path)
    starts = [int(asked.removeprefix("bytes=").removesuffix("-")) for _, asked in site.asked[1:]]
    assert 900_000 <= starts[0] <= 1_000_000
    assert 400_000 <= starts[1] - starts[0] <= 500_000
    assert len(starts) == len(waits) == 2


def test_a_later_run_goes_on_where_the_last_one_was(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_TRIES", 1)
    site.will(NAME, Reply(cut=1_000_000), Reply(cut=0))
    said = refusal(site, tmp_path)
    assert "the transfer broke off" in said
    assert f"1.0 MB lie in {tmp_path / NAME}.part" in said
    assert part(tmp_path) == DATA[: len(part(tmp_path))]
    fetch(site, tmp_path)
    assert site.asked[-1] == (NAME, site.asked[1][1]) != (NAME, "")


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
        "not satisfiable": Reply(shift=len(DATA)),
        "a part of another place": Reply(if_range=False, shift=100),
    }.items(),
)
def test_what_does_not_fit_the_part_begins_it_anew(site: Site, tmp_path: Path, case: str, then: Reply) -> None:
    site.will(NAME, Reply(cut=1_000_000), then)
    fetch(site, tmp_path)
    if case != "no parts of files":  # the answer to a Range was of no use: without one, the whole file comes
        assert site.asked[-1] == (NAME, "")


@pytest.mark.parametrize("if_range", [True, False], ids=["a server that looks", "a server that does not"])
def test_two_versions_are_never_spliced(site: Site, tmp_path: Path, if_range: bool) -> None:
    site.usual = Reply(if_range=if_range)
    site.will(NAME, Reply(cut=1_000_000, body=OTHER))
    fetch(site, tmp_path)


@pytest.mark.parametrize("etag", ['W/"weak"', ""])
def test_a_server_that_does_not_tell_versions_apart_is_asked_for_all(site: Site, tmp_path: Path, etag: str) -> None:
    site.usual = Reply(etag=etag, if_range=False)
    site.will(NAME, Reply(etag=etag, cut=1_000_000))
    fetch(site, tmp_path)
    assert site.asked == [(NAME, ""), (NAME, "")]


def test_a_date_tells_versions_apart_where_there_is_no_etag(site: Site, tmp_path: Path) -> None:
    dated = Reply(etag="", if_range=False, headers={"Last-Modified": "Sat, 01 Apr 2017 00:00:00 GMT"})
    site.usual = dated
    site.will(NAME, Reply(etag="", headers=dated.headers, cut=1_000_000))
    fetch(site, tmp_path)
    assert site.asked[1][1] > "bytes="


def test_another_file_is_told_and_removed(site: Site, tmp_path: Path) -> None:
    site.files[NAME] = b"not what was expected"
    said = refusal(site, tmp_path)
    for sha1 in (sha1_of(DATA), sha1_of(site.files[NAME])):
        assert sha1 in said
    assert "begins with b'not what was expected'" in said
    assert list(tmp_path.iterdir()) == []


def test_a_page_of_a_proxy_does_not_cost_the_part(site: Site, tmp_path: Path) -> None:
    page = Reply(body=b"<html>Log in first", headers={"Content-Type": "text/html; charset=utf-8"}, ranges=False)
    site.will(NAME, Reply(cut=1_000_000), page)
    assert "expected an archive, found a page (text/html" in refusal(site, tmp_path)
    assert len(part(tmp_path)) > 900_000
    fetch(site, tmp_path)
    assert site.asked[-1][1] > "bytes="


def test_a_file_that_is_not_there_is_told_at_once(site: Site, tmp_path: Path) -> None:
    site.files.clear()
    said = refusal(site, tmp_path)
    assert f"{site.url}/{NAME}: expected the file, the server says 404 Not Found" in said
    assert len(site.asked) == 1


def test_a_busy_server_gets_the_time_it_asks_for(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": "7"}), Reply(status=429), Reply(status=500))
    fetch(site, tmp_path)
    assert waits == [7.0, 2.0, 4.0]


def test_a_server_that_asks_for_an_hour_is_told(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.will(NAME, Reply(status=503, headers={"Retry-After": "3600"}))
    assert "503 Service Unavailable" in (said := refusal(site, tmp_path))
    assert "the server asks for 60 minutes" in said
    assert waits == []


def test_a_length_that_is_too_long_ends_after_some_tries(site: Site, tmp_path: Path, waits: list[float]) -> None:
    site.usual = Reply(longer=1000)
    refusal(site, tmp_path)
    assert len(waits) < 15


def test_a_length_that_is_too_short_is_noticed(site: Site, tmp_path: Path) -> None:
    site.usual = Reply(longer=-1000)
    assert "expected a file of sha1" in refusal(site, tmp_path)


def test_a_server_that_falls_silent_is_left_and_asked_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_SILENCE_S", 0.2)
    silent = Reply(longer=1_000_000, body=DATA[:1_000_000], etag=f'"{sha1_of(DATA)}"', pause_s=0.001)
    site.will(NAME, silent, Reply(pause_s=0.5))
    fetch(site, tmp_path)
    assert len(site.asked) == 3


def test_nobody_there_is_told_after_some_tries(tmp_path: Path, waits: list[float]) -> None:
    with serving() as gone:
        pass
    assert "the transfer broke off" in refusal(gone, tmp_path)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]


def test_a_disk_without_room_gets_no_byte(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 2 * len(DATA) - 1})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    said = refusal(site, tmp_path)
    assert f"the rest of {NAME} and what is in it need up to 6.0 MB, 6.0 MB are free: make room for 1 byte more" in said
    assert part(tmp_path) == b""


def test_the_note_of_a_part_that_was_tampered_with_counts_for_nothing(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.part").write_bytes(OTHER[:1000])
    note = {"validator": f'"{sha1_of(DATA)}"', "bytes": len(DATA)}
    (tmp_path / f"{NAME}.part.json").write_text(json.dumps(note))
    fetch(site, tmp_path)
    assert site.asked == [(NAME, "")]
