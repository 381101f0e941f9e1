"""Archives that are not what FMA made: refused from their directory, before anything is written."""

import io
import stat
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fmagc.corpus.fma.archives import parse_checksums
from fmagc.corpus.fma.extract import extract
from fmagc.errors import DataError
from tests.support.fma_site import SMALL, sha1_of, with_checksums, zipped

CLIPS = {f"000/00000{number}.mp3": bytes([number]) * 50_000 for number in (2, 3, 5)}
TRUE = with_checksums(SMALL.name, CLIPS)
ARCHIVE = replace(SMALL, n_files=len(CLIPS), n_bytes=1_000_000, max_bytes=1_000_000)
Edit = Callable[[zipfile.ZipFile], object]


def packed(folder: Path, content: bytes) -> Path:
    path = folder / "fma_small.zip"
    path.write_bytes(content)
    return path


def refusal(folder: Path, content: bytes) -> str:
    """Extract what must be refused: one message that names the archive, and nothing written."""
    data_home = folder / "data_home"
    data_home.mkdir()
    path = packed(folder, content)
    with pytest.raises(DataError) as caught:
        extract(path, ARCHIVE, data_home, files={})
    assert list(data_home.iterdir()) == []
    assert sorted(entry.name for entry in folder.iterdir()) == ["data_home", "fma_small.zip"]
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def with_member(name: str, content: bytes = b"x", **columns: int) -> bytes:
    """Add a member to a true archive."""
    buffer = io.BytesIO(zipped(TRUE))
    with zipfile.ZipFile(buffer, "a") as file:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_BZIP2
        for fact, value in columns.items():
            setattr(info, fact, value)
        file.writestr(info, content)
    return buffer.getvalue()


def in_directory(name: str, **columns: int) -> bytes:
    """Change what the directory of a true archive says of a member."""
    buffer = io.BytesIO(zipped(TRUE))
    with zipfile.ZipFile(buffer, "a") as file:
        for fact, value in columns.items():
            setattr(file.getinfo(name), fact, value)
        file.comment = b"has the directory written anew"
    return buffer.getvalue()


def test_a_true_archive_is_extracted(tmp_path: Path) -> None:
    written = extract(packed(tmp_path, zipped(TRUE)), ARCHIVE, tmp_path, files={})
    assert {name: (tmp_path / name).read_bytes() for name in TRUE} == TRUE
    assert written == {name: {"bytes": len(content), "sha1": sha1_of(content)} for name, content in TRUE.items()}


def test_whole_files_stay_and_missing_or_damaged_ones_are_extracted(tmp_path: Path) -> None:
    path = packed(tmp_path, zipped(TRUE))
    extract(path, ARCHIVE, tmp_path, files={})
    kept, damaged, gone = (tmp_path / "fma_small" / name for name in CLIPS)
    before = kept.stat()
    damaged.write_bytes(b"damaged")
    gone.unlink()
    files = {f"fma_small/{p.parent.name}/{p.name}": {"sha1": sha1_of(p.read_bytes())} for p in (kept, damaged)}
    written = extract(path, ARCHIVE, tmp_path, files=files)
    clips = written.keys() - {ARCHIVE.readme, ARCHIVE.checksums}
    assert clips == {"fma_small/000/000003.mp3", "fma_small/000/000005.mp3"}
    assert {name: (tmp_path / name).read_bytes() for name in TRUE} == TRUE
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_folders_and_members_without_rights_are_fine(tmp_path: Path) -> None:
    buffer = io.BytesIO(zipped(TRUE))
    with zipfile.ZipFile(buffer, "a") as file:
        for member in file.infolist():
            member.external_attr = stat.S_IFREG << 16
        file.mkdir("fma_small/000")
    extract(packed(tmp_path, buffer.getvalue()), ARCHIVE, tmp_path, files={})
    assert (tmp_path / "fma_small/000/000002.mp3").stat().st_mode & stat.S_IRUSR


OUTSIDE = "a path that does not belong there"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (lambda: with_member("fma_small/../../evil.mp3"), f"'fma_small/../../evil.mp3', {OUTSIDE}"),
        (lambda: with_member("../000/000007.mp3"), OUTSIDE),
        (lambda: with_member("/fma_small/000/000007.mp3"), OUTSIDE),
        (lambda: with_member("000/000007.mp3"), OUTSIDE),
        (lambda: with_member("fma_large/000/000007.mp3"), OUTSIDE),
        (lambda: with_member("fma_small/001/000007.mp3"), OUTSIDE),
        (lambda: with_member("fma_small/000/000007.mp3\n"), OUTSIDE),
        (lambda: with_member("fma_small/CON"), OUTSIDE),
        (lambda: with_member("fma_small/../000/"), OUTSIDE),
        (lambda: with_member("fma_small/000/000007.mp3", external_attr=0o120777 << 16), "no regular file"),
        (lambda: with_member("fma_small/000/000007.mp3", external_attr=0o060666 << 16), "no regular file"),
        (lambda: with_member("fma_small/000/000007.mp3", compress_type=zipfile.ZIP_LZMA), "packed by method 14"),
        (lambda: in_directory("fma_small/000/000002.mp3", flag_bits=1), "encrypted"),
        (lambda: in_directory("fma_small/000/000002.mp3", file_size=2_000_000), "2.0 MB unpacked"),
        (lambda: in_directory("fma_small/000/000002.mp3", compress_size=10**6), "members that overlap"),
        (lambda: with_member("fma_small/000/000007.mp3", bytes(5 << 20)), "5.2 MB unpacked"),
        (lambda: zipped(with_checksums("fma_small", dict.fromkeys(CLIPS, bytes(900_000)))), "2.7 MB to unpack"),
        (lambda: zipped(TRUE | {f"fma_small/001/{n:06d}.mp3": b"" for n in range(1000, 2500)}), "1505 members"),
    ],
)  # fmt: skip
def test_what_fma_did_not_pack_is_refused_from_the_directory(
    tmp_path: Path, content: Callable[[], bytes], fault: str
) -> None:
    said = refusal(tmp_path, content())
    assert fault in said
    assert "nothing was unpacked" in said


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    assert "'fma_small/000/000002.mp3' 2 times" in refusal(tmp_path, with_member("fma_small/000/000002.mp3"))


def test_a_list_of_checksums_that_is_not_of_these_files_is_refused(tmp_path: Path) -> None:
    assert "found not listed: fma_small/000/000007.mp3" in refusal(tmp_path, with_member("fma_small/000/000007.mp3"))


def test_a_file_that_is_listed_and_not_there_is_refused(tmp_path: Path) -> None:
    without = {name: content for name, content in TRUE.items() if not name.endswith("000005.mp3")}
    assert "found listed and not there: fma_small/000/000005.mp3" in refusal(tmp_path, zipped(without))


def test_an_archive_without_a_list_of_checksums_is_refused(tmp_path: Path) -> None:
    without = {name: content for name, content in TRUE.items() if not name.endswith("checksums")}
    assert "expected a member fma_small/checksums, found none" in refusal(tmp_path, zipped(without))


@pytest.mark.parametrize("content", [b"", b"<html>", zipped(TRUE)[:-1], zipped(TRUE)[:300]])
def test_what_is_no_whole_zip_file_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "its directory cannot be read" in refusal(tmp_path, content)


def test_a_flipped_byte_is_reported_with_its_member(tmp_path: Path) -> None:
    content = bytearray(zipped(TRUE))
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        place = file.getinfo("fma_small/000/000002.mp3").header_offset + 80
    content[place] ^= 0xFF
    with pytest.raises(DataError, match=r"fma_small\.zip: fma_small/000/000002\.mp3 cannot be read"):
        extract(packed(tmp_path, bytes(content)), ARCHIVE, tmp_path, files={})
    assert not (tmp_path / "fma_small/000/000002.mp3").exists()


def test_another_content_than_listed_is_reported_and_not_written(tmp_path: Path) -> None:
    content = zipped(TRUE | {"fma_small/000/000002.mp3": b"another"})
    with pytest.raises(DataError, match=r"000002\.mp3: expected sha1 [0-9a-f]{40}, as the archive lists it, found"):
        extract(packed(tmp_path, content), ARCHIVE, tmp_path, files={})
    assert not (tmp_path / "fma_small/000/000002.mp3").exists()


def test_a_bomb_that_lies_about_its_size_leaves_nothing(tmp_path: Path) -> None:
    name, bomb = "fma_small/000/000002.mp3", bytes(8 << 20)
    buffer = io.BytesIO(zipped(with_checksums("fma_small", CLIPS | {"000/000002.mp3": bomb})))
    with zipfile.ZipFile(buffer, "a") as file:
        file.getinfo(name).file_size = 1000
        file.comment = b"has the directory written anew"
    assert len(buffer.getvalue()) < 5000
    (tmp_path / "data_home").mkdir()
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        extract(packed(tmp_path, buffer.getvalue()), ARCHIVE, tmp_path / "data_home", files={})
    assert not (tmp_path / "data_home" / name).exists()


def test_a_list_of_checksums_is_read_line_by_line() -> None:
    text = f"{'a' * 40}  000/000002.mp3\nnonsense\n\nzz  000/000003.mp3\n{'b' * 40}  tracks.csv"
    assert parse_checksums(text) == {"000/000002.mp3": "a" * 40, "tracks.csv": "b" * 40}
