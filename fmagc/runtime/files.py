"""Files and folders that are whole or absent: atomic writes, digests, JSON of stable bytes."""

import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xxhash

from fmagc.errors import DataError, format_list, name_file

__all__ = [
    "OWN_DIGEST",
    "damaged",
    "digest",
    "evict",
    "file_digest",
    "file_sha1",
    "keep_only",
    "link_or_copy",
    "new_folder",
    "read_json",
    "read_record",
    "replace_with",
    "temp_path",
    "write_bytes",
    "write_json",
    "write_record",
    "write_text",
]

_BLOCK = 1 << 20
OWN_DIGEST = "own_digest"  # key or column of the digest that a file carries of itself


def write_bytes(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Write a file so that its name never holds a partial file: temporary name, fsync, rename, fsync of the folder.

    The temporary name is always the same, so the next run removes what a killed run left. A link of that name is
    removed too, not followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temp_path(path.parent, path.name)
    temporary.unlink(missing_ok=True)
    try:
        with name_file(path), temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        replace_with(path, temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def link_or_copy(source: Path, path: Path) -> None:
    """Give a file a second name, or a copy where hard links do not reach, so that the name never holds a part."""
    temporary = path.with_name(f".{path.name}.link")
    temporary.unlink(missing_ok=True)
    try:
        try:
            temporary.hardlink_to(source)
        except OSError:  # another file system, or one without hard links
            shutil.copyfile(source, temporary)
            with name_file(path), temporary.open("rb+") as file:
                os.fsync(file.fileno())
        replace_with(path, temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def replace_with(path: Path, temporary: Path) -> None:
    """Give a finished temporary file in the same folder its final name, durably."""
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        with name_file(path):
            os.fsync(folder)
    finally:
        os.close(folder)


def temp_path(folder: Path, name: str) -> Path:
    """Return the hidden name under which a file of a folder is written until it is whole."""
    return folder / f".{name}.part"


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder under a temporary name, and give it its own name when it is whole.

    Parameters
    ----------
    path : Path
        Of the new folder; an empty one may lie there.

    Yields
    ------
    Path
        The folder to fill. What a killed run left of it is removed first.

    Raises
    ------
    DataError
        When there is something of this name: nothing of it is changed.
    """
    if path.is_symlink() or (path.exists() and not (path.is_dir() and not any(path.iterdir()))):
        found = "a folder that is not empty" if path.is_dir() else "a file"
        raise DataError(f"{path}: expected a name for a new folder, found {found}: name another, or remove it")
    target = path.absolute()
    temporary = temp_path(target.parent, target.name)
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        yield temporary
        replace_with(target, temporary)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def keep_only(folder: Path, keep: set[Path]) -> None:
    """Remove all files of a folder but these."""
    for path in folder.iterdir():
        if path not in keep:
            path.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, with keys in the order given and a final newline: same value, same bytes."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path, *, stage: str) -> Any:
    """Read a JSON file that a stage wrote.

    Raises
    ------
    DataError
        When it is missing or damaged; the message names the stage that makes it.
    """
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
    except FileNotFoundError:
        raise DataError(f"{path}: expected a file of the stage {stage}, found none: run `dvc repro`") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON, found a fault ({error}): run `dvc repro -f {stage}`") from None


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is beyond the range of numbers")
    return number


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError(f"a key twice among {format_list([key for key, _ in pairs])}")
    return found


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Write JSON that ends with a digest of itself: no part of it can be changed and go unnoticed."""
    write_json(path, {**record, OWN_DIGEST: _digest_of_record(record)})


def read_record(path: Path, *, stage: str, cached: bool = True) -> dict[str, Any]:
    """Read what `write_record` wrote; parameters as in `damaged`.

    Raises
    ------
    DataError
        When it is missing or damaged; the message names the stage that makes it.
    """
    found = read_json(path, stage=stage)
    record = dict(found) if isinstance(found, dict) else {}
    expected = record.pop(OWN_DIGEST, "none")
    if expected != _digest_of_record(record):
        raise damaged(path, expected=str(expected), found=_digest_of_record(record), stage=stage, cached=cached)
    return record


def damaged(path: Path, *, expected: str, found: str, stage: str, cached: bool = True) -> DataError:
    """Describe a file whose content has changed since it was made, and how to restore it.

    Parameters
    ----------
    path : Path
    expected, found : str
        Digests.
    stage : str
        Which makes the file.
    cached : bool
        Whether DVC's cache holds a copy of it; a file that git keeps is made again.
    """
    remake = f"`dvc repro -f {stage}`"
    remedy = (
        f'run `dvc checkout --force`; if DVC\'s cache is damaged too, run `find -L "$(dvc cache dir)" -samefile {path} '
        f"-delete` and {remake}"
    )
    return DataError(
        f"{path}: expected digest {expected}, found {found}: the file is damaged or was changed; "
        + (remedy if cached else f"run {remake}")
    )


def digest(data: bytes | bytearray | memoryview) -> str:
    """Return the xxh3-128 of bytes in hex: it finds damage, it does not prove authorship."""
    return xxhash.xxh3_128_hexdigest(data)


def _digest_of_record(record: Mapping[str, Any]) -> str:
    return digest(json.dumps(record, allow_nan=False).encode())


def evict(path: Path) -> None:
    """Drop what the system holds of a file in memory, where it can: the next reader gets the bytes of the disk."""
    if hasattr(os, "posix_fadvise") and path.exists():
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def file_digest(path: Path) -> str:
    """Return the xxh3-128 of a file in hex."""
    state = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            state.update(block)
    return state.hexdigest()


def file_sha1(path: Path) -> str:
    """Return the SHA-1 of a file in hex, the checksum that FMA publishes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
