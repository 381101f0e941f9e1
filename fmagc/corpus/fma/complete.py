"""Completion of a dataset root from FMA's archives, which are downloaded unless they lie there."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fmagc.corpus.fma.archives import CHECKSUMS, CLIPS, SITE, TABLES, Archive, parse_checksums
from fmagc.corpus.fma.download import download
from fmagc.corpus.fma.extract import extract
from fmagc.errors import DataError
from fmagc.params.corpus import Dataset
from fmagc.runtime.entrypoint import log
from fmagc.runtime.file_lock import acquire
from fmagc.runtime.files import file_sha1

__all__ = ["complete", "how_to_complete"]

_ROOM = 1.0  # in sizes of the archive, for its extracted files: compression hardly shrinks MP3s


def complete(data_home: Path, dataset: Dataset, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Extract the tables and clips that a dataset root lacks; for a complete one nothing is downloaded or written.

    Archives that lie in the dataset root are used, and stay there.

    Parameters
    ----------
    data_home : Path
        The dataset root: the folder that contains ``<name>/`` and ``fma_metadata/``.
    dataset : Dataset
    files : mapping
        The files below it: path -> ``bytes`` and ``sha1``.

    Returns
    -------
    dict
        The same for the files that were written.

    Raises
    ------
    DataError
        When an archive cannot be downloaded or is not what FMA published, when the disk lacks room, or when another
        process completes the same dataset.
    """
    archives = [archive for archive in (TABLES, CLIPS[dataset.name]) if _count_missing(archive, data_home, files)]
    if not archives:
        return {}
    written: dict[str, Any] = {}
    lock = acquire(data_home / f".{dataset.name}.lock", place=data_home)
    try:
        for archive in archives:
            missing = _count_missing(archive, data_home, files)
            log(f"{data_home}: {archive.name}: {missing} of {archive.n_files} files are missing or damaged")
            path = _archive_file(archive, data_home, dataset.mirror or SITE)
            written |= extract(path, archive, data_home, files=files)
    finally:
        os.close(lock)
    log(f"{data_home}: no longer needed: {', '.join(archive.file for archive in archives)}")
    return written


def how_to_complete(data_home: Path, name: str) -> str:
    """Describe what to put where, so that a dataset root contains one of FMA's sets of clips."""
    return (
        f"set dataset.download to true in params.yaml, or put {TABLES} and {CLIPS[name]} from {SITE}/ into "
        f"{data_home} and unpack them there with `python -m zipfile -e`, so that it holds {TABLES.name}/tracks.csv "
        f"and {name}/{CHECKSUMS} among others"
    )


def _count_missing(archive: Archive, data_home: Path, files: Mapping[str, Mapping[str, Any]]) -> int:
    path = data_home / archive.checksums
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return archive.count_missing(parse_checksums(text), files)


def _archive_file(archive: Archive, data_home: Path, site: str) -> Path:
    """Return the archive in the dataset root, downloaded if need be, with its SHA-1 verified."""
    path = data_home / archive.file
    if not path.exists():
        url = f"{site.rstrip('/')}/{archive.file}"
        download(url, path, sha1=archive.sha1, n_bytes=archive.n_bytes, room=_ROOM)
        return path
    log(f"{path}: checking its sha1")
    found = file_sha1(path)
    if found != archive.sha1:
        raise DataError(
            f"{path}: expected FMA's {archive.file}, sha1 {archive.sha1}, found {found}: remove the file, then run "
            "again to download it"
        )
    return path
