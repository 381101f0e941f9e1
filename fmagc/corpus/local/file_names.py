"""Compare names of files and folders, and recognise those of music and those to pass over."""

import hashlib
import os
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

__all__ = [
    "AUDIO_SUFFIXES",
    "FIRST_HASHED_ID",
    "case_collisions",
    "fold_case",
    "hashed_ids",
    "is_audio",
    "is_hidden",
    "is_invalid",
    "walk",
]

# Music is known by its name: MP3, and what libsndfile reads.
AUDIO_SUFFIXES = (".mp3", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au")

# FMA's ids are below a million. In a dataset of one's own an id is a hash of the path, and has nine digits.
FIRST_HASHED_ID = 100_000_000


def fold_case(name: str) -> str:
    """Fold what differs in case or in the composition of its letters alone: one file on a Mac, two on Linux."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def is_audio(name: str) -> bool:
    """Recognise music by its suffix, in any case."""
    return name.lower().endswith(AUDIO_SUFFIXES)


def is_hidden(name: str) -> bool:
    """Recognise what systems leave behind and hide."""
    return name.startswith((".", "__MACOSX"))


def walk(
    folder: Path, *, onerror: Callable[[OSError], object] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through a folder as `os.walk` does, also behind links, but never in a circle."""
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True, onerror=onerror):
        real = os.path.realpath(place)
        if real in seen:  # a link to a folder above: its files are listed already
            folders.clear()
            continue
        seen.add(real)
        yield place, folders, files


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

    So a file that comes or goes leaves the ids of all others alone. Of two names whose hashes meet (one dataset of a
    thousand files in two thousand has such a pair) the one later in the alphabet gets a second hash.

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
