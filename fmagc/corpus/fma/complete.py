"""A shelf made complete: what it lacks of FMA comes out of FMA's archives, downloaded where they are not there."""

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

_ROOM = 1.0  # beside an archive, for what is in it: MP3 does not get smaller by packing


def complete(shelf: Path, dataset: Dataset, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Put on a shelf what it lacks of the tables and of the clips; a complete one costs nothing.

    Archives that lie on the shelf are used, and stay there; what they hold and the shelf has not is unpacked.

    Parameters
    ----------
    shelf : Path
        The folder that holds ``<name>/`` and ``fma_metadata/``.
    dataset : Dataset
    files : mapping
        What a survey found on the shelf: path -> ``bytes`` and ``sha1``.

    Returns
    -------
    dict
        The same of the files that were written.

    Raises
    ------
    DataError
        When an archive cannot be had or is not what FMA published, when the disk lacks room, or when another process
        is at it.
    """
    archives = [archive for archive in (TABLES, CLIPS[dataset.name]) if _lacking(archive, shelf, files)]
    if not archives:
        return {}
    written: dict[str, Any] = {}
    lock = acquire(shelf / f".{dataset.name}.lock", place=shelf)
    try:
        for archive in archives:
            lacking = _lacking(archive, shelf, files)
            log(f"{shelf}: {archive.name}: {lacking} of {archive.n_files} files are missing or damaged")
            written |= extract(_archive_file(archive, shelf, dataset.mirror or SITE), archive, shelf, files=files)
    finally:
        os.close(lock)
    log(f"{shelf}: no longer needed: {', '.join(archive.file for archive in archives)}")
    return written


def how_to_complete(shelf: Path, name: str) -> str:
    """Say what to put where, so that a shelf holds one of FMA's sets of clips."""
    return (
        f"set dataset.download to true in params.yaml, or put {TABLES} and {CLIPS[name]} from {SITE}/ into {shelf} "
        f"and unpack them there with `python -m zipfile -e`, so that it holds {TABLES.name}/tracks.csv and "
        f"{name}/{CHECKSUMS} among others"
    )


def _lacking(archive: Archive, shelf: Path, files: Mapping[str, Mapping[str, Any]]) -> int:
    path = shelf / archive.name / CHECKSUMS
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return archive.lacking(parse_checksums(text), files)


def _archive_file(archive: Archive, shelf: Path, site: str) -> Path:
    """Return the archive on the shelf, fetched if need be; either way it is what FMA published."""
    path = shelf / archive.file
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
