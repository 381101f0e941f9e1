"""FMA's archives: where they lie, how they are known, and what may be in them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECKSUMS", "CLIPS", "SITE", "TABLES", "Archive", "parse_checksums"]

SITE = "https://os.unil.cloud.switch.ch/fma"
CHECKSUMS = "checksums"  # in every archive: the SHA-1 of each of its files

_MIB = 1 << 20
_TRACK = re.compile(r"(\d{3})/\1\d{3}\.mp3")


@dataclass(frozen=True, kw_only=True)
class Archive:
    """A zip file of FMA's site; all its members lie in one folder of its name.

    Attributes
    ----------
    name : str
        Of the folder; the file's is `file`.
    sha1 : str
        Of the file, as FMA's README has it.
    n_bytes : int
        Size of the file as FMA's README has it, rounded; unpacked, FMA's clips take hardly more.
    n_files : int
        Files that the shelf takes.
    holds : re.Pattern
        Every path below the folder, apart from `papers`.
    takes : re.Pattern
        Those that the shelf takes.
    most_bytes : int
        Of one file that the shelf takes.
    """

    name: str
    sha1: str
    n_bytes: int
    n_files: int
    holds: re.Pattern[str] = _TRACK
    takes: re.Pattern[str] = _TRACK
    most_bytes: int = 64 * _MIB  # a clip of 30 s has 1.2 MB at most, but tags may hold pictures

    @property
    def file(self) -> str:
        """Name of the zip file."""
        return f"{self.name}.zip"

    @property
    def papers(self) -> tuple[str, str]:
        """What the shelf takes beside the files, and no list of checksums names."""
        return f"{self.name}/README.txt", f"{self.name}/{CHECKSUMS}"

    def taken(self, listed: Mapping[str, str]) -> dict[str, str]:
        """Choose from a list of checksums the files that the shelf takes, by their path on the shelf."""
        return {f"{self.name}/{path}": sha1 for path, sha1 in listed.items() if self.takes.fullmatch(path)}

    def lacking(self, listed: Mapping[str, str], files: Mapping[str, Mapping[str, Any]]) -> int:
        """Count the files that a shelf has not, or not as a list of checksums has them.

        Parameters
        ----------
        listed : mapping
            The list on the shelf; one that is itself cut short tells as much as none.
        files : mapping
            What is on the shelf: path -> ``sha1`` among others.
        """
        taken = self.taken(listed)
        if len(taken) < self.n_files:
            return self.n_files
        return sum(files.get(path, {}).get("sha1") != sha1 for path, sha1 in taken.items())

    def __str__(self) -> str:
        size = self.n_bytes / (1 << 30)
        return f"{self.file} ({size:.1f} GiB, sha1 {self.sha1})"


TABLES = Archive(
    name="fma_metadata",
    sha1="f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    n_bytes=342 * _MIB,
    n_files=2,
    holds=re.compile(r"[a-z_]+\.(csv|pickle)"),  # the pickle is never read, nor are the tables that nothing needs
    takes=re.compile(r"(tracks|genres)\.csv"),
    most_bytes=512 * _MIB,
)
CLIPS = {
    archive.name: archive
    for archive in (
        Archive(
            name="fma_small",
            sha1="ade154f733639d52e35e32f5593efe5be76c6d70",
            n_bytes=7373 * _MIB,
            n_files=8_000,
        ),
        Archive(
            name="fma_medium",
            sha1="c67b69ea232021025fca9231fc1c7c1a063ab50b",
            n_bytes=22 * 1024 * _MIB,
            n_files=25_000,
        ),
        Archive(
            name="fma_large",
            sha1="497109f4dd721066b5ce5e5f250ec604dc78939e",
            n_bytes=93 * 1024 * _MIB,
            n_files=106_574,
        ),
    )
}


def parse_checksums(text: str) -> dict[str, str]:
    """Read a list of lines `<sha1>  <path>`; other lines are passed over."""
    pairs = [line.split(maxsplit=1) for line in text.splitlines()]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and re.fullmatch(r"[0-9a-f]{40}", pair[0])}
