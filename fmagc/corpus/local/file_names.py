"""Compare names of files and folders, and recognise those of music and those to pass over."""

import hashlib
import os
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush
from pathlib import Path

from fmagc.errors import DataError

__all__ = [
    "AUDIO_SUFFIXES",
    "FIRST_HASHED_ID",
    "as_utf8",
    "case_collisions",
    "fold_case",
    "hashed_ids",
    "is_audio",
    "is_hidden",
    "is_invalid",
    "needs_ffmpeg",
    "one_line",
    "require_utf8_names",
    "walk",
]

# Music is known by its name: what libsndfile reads, and what ffmpeg reads where `audio.fallback` allows it.
_LIBSNDFILE = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au")
_FFMPEG = tuple(".m4a .m4b .mp4 .aac .wma .wv .ac3 .mka .mkv .webm .ape .tta .mpc .mp2 .spx".split())  # noqa: SIM905
AUDIO_SUFFIXES = (*_LIBSNDFILE, *_FFMPEG)

# FMA's ids are below a million. In a dataset of one's own an id is a hash of the path, and has nine digits.
FIRST_HASHED_ID = 100_000_000


def require_utf8_names() -> None:
    """Raise DataError unless names of files are read as UTF-8, of which the ids of tracks are made."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise DataError(
            f"locale: expected UTF-8 for the names of files, found {encoding}: ids of tracks are made of these names; "
            "set LC_ALL to a locale in UTF-8 (`export LC_ALL=C.UTF-8`) and run again"
        )


def as_utf8(path: Path | str) -> str:
    """Write a path so that any file in UTF-8 can hold it: other bytes become escapes such as ``\\xe9``."""
    return os.fsencode(path).decode("utf-8", errors="backslashreplace")


def one_line(path: Path | str) -> str:
    """Write a path as `as_utf8` does, for a terminal or a figure: control characters become escapes, too."""
    return "".join(
        character.encode("unicode_escape").decode() if unicodedata.category(character) == "Cc" else character
        for character in as_utf8(path)
    )


def fold_case(name: str) -> str:
    """Fold case and Unicode composition: names that differ in these alone are one file on a Mac, two on Linux."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_audio(name: str) -> bool:
    """Recognise music by its suffix, in any case."""
    return name.lower().endswith(AUDIO_SUFFIXES)


def needs_ffmpeg(name: str) -> bool:
    """Recognise music that libsndfile does not read."""
    return name.lower().endswith(_FFMPEG)


def is_hidden(name: str) -> bool:
    """Recognise the hidden files and folders that operating systems leave behind."""
    return name.startswith((".", "__MACOSX"))


def walk(
    folder: Path,
    *,
    onerror: Callable[[OSError], object] | None = None,
    onlink: Callable[[Path, Path], object] | None = None,
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through a folder as `os.walk` does: through all real folders first, then through those behind links.

    So a folder counts at its real path, in whatever order the system lists folders. A folder outside this one counts at
    the first link to it in alphabetical order.

    Parameters
    ----------
    folder : Path
    onerror : callable, optional
        Takes the error of a folder that cannot be read.
    onlink : callable, optional
        Takes a folder that is passed over since it was walked through already, and the place where that was.

    Yields
    ------
    tuple of str, list of str and list of str
        A folder, the folders in it, of which the caller may remove some, and its files.
    """
    seen: dict[str, str] = {}
    waiting = [os.fspath(folder)]
    while waiting:
        for place, folders, files in os.walk(heappop(waiting), onerror=onerror):
            walked = seen.setdefault(os.path.realpath(place), place)
            if walked != place:
                folders.clear()
                if onlink:
                    onlink(Path(place), Path(walked))
                continue
            folders.sort()
            yield place, folders, sorted(files)
            for name in folders:
                if Path(place, name).is_symlink():
                    heappush(waiting, os.fspath(Path(place, name)))


def is_invalid(name: str) -> bool:
    """Recognise a name that no table can hold: bytes that are no UTF-8, line breaks, other control characters."""
    return any(unicodedata.category(character) in ("Cc", "Cs") for character in name)


def case_collisions(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that `fold_case` makes the same."""
    groups = defaultdict(list)
    for name in sorted(set(names)):
        groups[fold_case(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def hashed_ids(names: Iterable[str]) -> dict[str, int]:
    """Give each name a number of nine digits that follows from the name alone.

    So adding or removing a file leaves all other ids unchanged. When two names have the same hash (this happens in one
    of two thousand datasets of a thousand files), the one later in the alphabet gets a second hash.

    Parameters
    ----------
    names : iterable of str
        Distinct by `fold_case`.

    Returns
    -------
    dict of str to int
    """
    taken: dict[int, str] = {}
    for name in sorted(names, key=fold_case):
        salt = 0
        while (number := _number(f"{fold_case(name)}\0{salt}")) in taken:
            salt += 1
        taken[number] = name
    return {name: number for number, name in taken.items()}


def _number(text: str) -> int:
    digest = hashlib.sha256(text.encode()).digest()
    return FIRST_HASHED_ID + int.from_bytes(digest[:8]) % (9 * FIRST_HASHED_ID)
