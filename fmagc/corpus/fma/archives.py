"""FMA's archives: their addresses, their checksums, and the files that each may contain."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECKSUMS", "CLIPS", "SITE", "TABLES", "Archive", "parse_checksums"]

SITE = "https://os.unil.cloud.switch.ch/fma"
CHECKSUMS = "checksums"  # in every archive: the SHA-1 of each of its files
_README = "README.txt"

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
        Of the file, as FMA's README gives it.
    n_bytes : int
        Size of the file as FMA's README gives it, rounded; unpacked, FMA's clips take hardly more.
    n_files : int
        Number of files to extract, without `readme` and `checksums`.
    allowed : re.Pattern
        The paths below the folder that the archive may contain, in addition to `readme` and `checksums`.
    wanted : re.Pattern
        Those of them to extract.
    max_bytes : int
        Of one extracted file.
    """

    name: str
    sha1: str
    n_bytes: int
    n_files: int
    allowed: re.Pattern[str] = _TRACK
    wanted: re.Pattern[str] = _TRACK
    max_bytes: int = 64 * _MIB  # a clip of 30 s has 1.2 MB at most, but tags may hold pictures

    @property
    def file(self) -> str:
        """Return the name of the zip file."""
        return f"{self.name}.zip"

    @property
    def readme(self) -> str:
        """Return the path of the archive's README, which no list of checksums names."""
        return f"{self.name}/{_README}"

    @property
    def checksums(self) -> str:
        """Return the path of the archive's list of checksums."""
        return f"{self.name}/{CHECKSUMS}"

    def select_wanted(self, listed: Mapping[str, str]) -> dict[str, str]:
        """Select from a list of checksums the files to extract, by their path below the dataset root."""
        return {f"{self.name}/{path}": sha1 for path, sha1 in listed.items() if self.wanted.fullmatch(path)}

    def count_missing(self, listed: Mapping[str, str], files: Mapping[str, Mapping[str, Any]]) -> int:
        """Count the files that a dataset root lacks, or whose SHA-1 differs from the listed one.

        Parameters
        ----------
        listed : mapping
            The list of checksums below the dataset root: path below the archive's folder -> SHA-1. Where it names
            too few files, all count as missing.
        files : mapping
            The files below the dataset root: path -> ``sha1`` among others.
        """
        wanted = self.select_wanted(listed)
        if len(wanted) < self.n_files:
            return self.n_files
        return sum(files.get(path, {}).get("sha1") != sha1 for path, sha1 in wanted.items())

    def __str__(self) -> str:
        size = self.n_bytes / (1 << 30)
        return f"{self.file} ({size:.1f} GiB, sha1 {self.sha1})"


TABLES = Archive(
    name="fma_metadata",
    sha1="f0df49ffe5f2a6008d7dc83c6915b31835dfe733",
    n_bytes=342 * _MIB,
    n_files=2,
    allowed=re.compile(r"[a-z_]+\.(csv|pickle)"),  # the pickle and the tables that nothing needs stay in the archive
    wanted=re.compile(r"(tracks|genres)\.csv"),
    max_bytes=512 * _MIB,
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
    """Parse lines of the form `<sha1>  <path>` to path -> SHA-1; other lines are skipped."""
    pairs = [line.split(maxsplit=1) for line in text.splitlines()]
    return {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and re.fullmatch(r"[0-9a-f]{40}", pair[0])}
