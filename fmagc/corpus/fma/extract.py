"""Extraction of an archive: all of it is checked first, and nothing is written unless it passes."""

import hashlib
import re
import stat
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from tqdm import tqdm

from fmagc.corpus.fma.archives import Archive, parse_checksums
from fmagc.errors import DataError, RejectedTrack, format_bytes, format_list
from fmagc.runtime.files import write_bytes
from fmagc.runtime.free_space import require_space
from fmagc.runtime.worker_pool import map_isolated

__all__ = ["extract"]

Task = TypeVar("Task")
Value = TypeVar("Value")

_UNREADABLE = (BadZipFile, OSError, EOFError, zlib.error, NotImplementedError, RuntimeError)
_METHODS = (ZIP_BZIP2, ZIP_DEFLATED, ZIP_STORED)  # FMA's is the first
_OTHERS = 1_000  # members in addition to the files to extract: folders, README, checksums, other tables
_MAX_GROWTH = 2  # unpacked size over that of the archive
_TIMEOUT_S = 600.0  # for one member
_ENCRYPTED = 0x1
_FOLDER = re.compile(r"(\d{3}/)?")


def extract(path: Path, archive: Archive, data_home: Path, *, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Extract the files of an archive that a dataset root lacks, each whole and with the SHA-1 that the archive lists.

    Members are read in workers whose memory is capped, whatever they unpack to.

    Parameters
    ----------
    path : Path
        The zip file, whose own SHA-1 was verified.
    archive : Archive
    data_home : Path
        The dataset root.
    files : mapping
        The files below it: path -> ``sha1`` among others. Those with the listed SHA-1 stay as they are.

    Returns
    -------
    dict
        path -> ``bytes`` and ``sha1`` of every file written.

    Raises
    ------
    DataError
        When the archive contains anything that FMA's does not, or a checksum is missing: then nothing was written.
        When a member is damaged: then the members before it were written.
    """
    members = _read_directory(path, archive)
    unlisted = (archive.readme, archive.checksums)
    contents = dict(zip(unlisted, _in_workers(partial(_read, path), unlisted, archive=path), strict=True))
    wanted = archive.select_wanted(parse_checksums(contents[archive.checksums].decode("utf-8", errors="replace")))
    _require_same_names(path, archive, wanted, members)
    tasks = [name for name in sorted(wanted) if files.get(name, {}).get("sha1") != wanted[name]]
    sizes = {name: members[name].file_size for name in tasks}
    require_space(data_home, sum(sizes.values()), what=f"{len(tasks)} files of {path.name}")
    unpack = partial(_unpack, path, data_home, wanted)
    with tqdm(total=sum(sizes.values()), unit="B", unit_scale=True, desc=f"unpack {path.name}") as bar:
        for name, _ in zip(tasks, _in_workers(unpack, tasks, archive=path), strict=True):
            bar.update(sizes[name])
    for name, content in contents.items():
        write_bytes(data_home / name, content)
    written = {name: {"bytes": sizes[name], "sha1": wanted[name]} for name in tasks}
    return written | {name: {"bytes": len(content), "sha1": _sha1(content)} for name, content in contents.items()}


def _read_directory(path: Path, archive: Archive) -> dict[str, ZipInfo]:
    """Read the files of a zip file by name, and refuse what no archive of FMA contains."""
    try:
        with ZipFile(path) as file:
            members = file.infolist()
    except _UNREADABLE as error:
        raise _unreadable(path, "its directory", error) from None
    faults = list(_faults(members, archive, n_bytes=path.stat().st_size))
    if faults:
        raise DataError(
            f"{path}: expected {archive.file} as FMA made it, found {format_list(faults)}: nothing was unpacked; "
            "remove the file and run again"
        )
    return {member.filename: member for member in members if not member.is_dir()}


def _faults(members: list[ZipInfo], archive: Archive, *, n_bytes: int) -> Iterator[str]:
    """Describe what is wrong with the members of a zip file, from its directory alone."""
    if len(members) > archive.n_files + _OTHERS:
        yield f"{len(members)} members, where {archive.n_files} and a few were expected"
        return
    for name, count in Counter(member.filename for member in members).items():
        if count > 1:
            yield f"{name!r} {count} times"
    for member in members:
        yield from (f"{member.filename!r}, {fault}" for fault in _faults_of(member, archive))
    # members that share bytes make little of an archive and much of its content
    if sum(member.compress_size for member in members) > n_bytes:
        yield "members that overlap"
    unpacked = sum(member.file_size for member in members if _is_wanted(member.filename, archive))
    if unpacked > _MAX_GROWTH * archive.n_bytes:
        yield f"{format_bytes(unpacked)} to unpack"


def _faults_of(member: ZipInfo, archive: Archive) -> Iterator[str]:
    """Describe what is wrong with one member."""
    inner = member.filename.removeprefix(f"{archive.name}/")
    allowed = _FOLDER.fullmatch(inner) if member.is_dir() else archive.allowed.fullmatch(inner)
    unlisted = member.filename in (archive.readme, archive.checksums)
    if not unlisted and (inner == member.filename or not allowed):
        yield "a path that does not belong there"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFDIR if member.is_dir() else stat.S_IFREG):
        yield "no regular file"
    if member.flag_bits & _ENCRYPTED:
        yield "encrypted"
    if member.compress_type not in _METHODS:
        yield f"packed by method {member.compress_type}"
    if _is_wanted(member.filename, archive) and member.file_size > archive.max_bytes:
        yield f"{format_bytes(member.file_size)} unpacked"


def _is_wanted(name: str, archive: Archive) -> bool:
    unlisted = name in (archive.readme, archive.checksums)
    return unlisted or bool(archive.select_wanted({name.removeprefix(f"{archive.name}/"): ""}))


def _require_same_names(path: Path, archive: Archive, wanted: Mapping[str, str], members: Iterable[str]) -> None:
    """Refuse an archive whose list of checksums is not that of its files."""
    held = {name for name in members if _is_wanted(name, archive)} - {archive.readme, archive.checksums}
    for what, names in (("not listed", held - wanted.keys()), ("listed and not there", wanted.keys() - held)):
        if names:
            raise DataError(
                f"{path}: expected in {archive.checksums} the sha1 of exactly its files, found {what}: "
                f"{format_list(sorted(names))}: nothing was unpacked; remove the archive and run again"
            )


def _in_workers(function: Callable[[str], Value], names: Iterable[str], *, archive: Path) -> Iterator[Value]:
    """Call a function on members in isolated workers; a worker that dies or lacks memory or time ends the run."""
    with closing(map_isolated(function, names, timeout_s=_TIMEOUT_S)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome.result, RejectedTrack):
                raise DataError(
                    f"{archive}: {outcome.task}: expected to unpack it, found its process ended "
                    f"({outcome.result.detail}): make more memory and time free, and run again"
                )
            yield outcome.result


def _unpack(path: Path, data_home: Path, wanted: Mapping[str, str], name: str) -> None:
    """Run in a worker: write one member below the dataset root."""
    content = _read(path, name)
    found = _sha1(content)
    if found != wanted[name]:
        raise DataError(
            f"{path}: {name}: expected sha1 {wanted[name]}, as the archive lists it, found {found}: remove the "
            "archive and run again"
        )
    write_bytes(data_home / name, content)


def _read(path: Path, name: str) -> bytes:
    """Run in a worker: read one member."""
    try:
        return _opened(path).read(name)
    except KeyError:
        raise DataError(f"{path}: expected a member {name}, found none: remove the archive and run again") from None
    except _UNREADABLE as error:
        if isinstance(error, OSError) and error.errno:  # the disk, not the archive
            raise
        raise _unreadable(path, name, error) from None


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@lru_cache(maxsize=1)
def _opened(path: Path) -> ZipFile:
    """Open an archive once in each worker: a directory of 100,000 members takes a second to read."""
    return ZipFile(path)


def _unreadable(path: Path, what: str, error: Exception) -> DataError:
    return DataError(f"{path}: {what} cannot be read ({error}): the archive is damaged: remove it and run again")
