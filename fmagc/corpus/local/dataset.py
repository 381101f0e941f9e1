"""Find the files of a dataset of your own in either layout."""

from pathlib import Path

from fmagc.corpus.local.file_list import FileList
from fmagc.corpus.local.file_names import require_utf8_names
from fmagc.corpus.local.genre_folders import find_files
from fmagc.corpus.local.track_table import LISTING, read_listing
from fmagc.errors import DataError

__all__ = ["local_files"]


def local_files(data_home: Path, *, layout: str) -> FileList:
    """Find the files of a dataset, the table among them, and what is passed over.

    Raises
    ------
    DataError
        As `genre_folders.find_files` and `track_table.read_listing` do.
    """
    require_utf8_names()
    if layout == "folders":
        return find_files(data_home)
    if not (data_home / LISTING).is_file():
        raise DataError(
            f"{data_home}: expected {LISTING} in dataset.root with the columns path and genre, found none: write one, "
            "or set dataset.layout to folders if there is one folder per genre"
        )
    return FileList([LISTING, *read_listing(data_home)["path"]])
