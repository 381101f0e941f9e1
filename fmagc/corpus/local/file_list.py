"""The files of a dataset, and what was passed over among them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fmagc.errors import format_list

__all__ = ["FileList"]


@dataclass(frozen=True)
class FileList:
    """The files of a dataset.

    Attributes
    ----------
    paths : sequence of str
        Below the dataset root, tables first.
    ignored : mapping of str to int
        How many hidden files and folders were passed over, and how many files other than music by suffix.
    skipped : mapping of str to str
        Music that was passed over, and folders that hold none: the path of a file or folder, and why.
    """

    paths: Sequence[str]
    ignored: Mapping[str, int] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> list[str]:
        """Return lines that say what was passed over; none if nothing was."""
        counted = [f"{count} {kind}" for kind, count in self.ignored.items()]
        named = [f"{path} ({why})" for path, why in self.skipped.items()]
        entries = {"passed over": counted, "not used": named}
        return [f"{title}: {format_list(found)}" for title, found in entries.items() if found]
