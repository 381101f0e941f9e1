"""Read CSV that others wrote: record by record, each with its line, and every fault of a file in one message."""

import codecs
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fmagc.errors import DataError, format_list, format_value

__all__ = ["Faults", "records"]

_MAX_CELL = 1 << 20  # characters; FMA's longest texts are pages of HTML, and an open quote ends here
_FMA = "Correct the table or unpack FMA's own again, then run `dvc repro -f fetch` and `dvc repro`."
# what the module csv says of them is advice for its caller
_OLD_LINE_ENDS = "a carriage return that ends no line, as in the line ends of old Macs: save it with others"
_KEPT = 20  # places of one kind of fault; the others are counted


class Faults:
    """The faults of one table or folder: what was expected, and where something else was found.

    Parameters
    ----------
    path : Path
    advice : str
        What to do next.
    """

    def __init__(self, path: Path, *, advice: str = _FMA) -> None:
        self._path = path
        self._advice = advice
        self._counts: Counter[str] = Counter()
        self._places: dict[str, list[str]] = {}

    def add(self, expected: str, found: str) -> None:
        """Add a fault; `found` says where, too, and faults of the same `expected` are one kind."""
        self._counts[expected] += 1
        places = self._places.setdefault(expected, [])
        if len(places) < _KEPT:
            places.append(found)

    def wrong_table(self, missing: list[str], columns: list[str]) -> None:
        """Add the fault that a table lacks columns."""
        found = f"{format_value(columns)}: is it another table, or one whose cells no comma separates?"
        self.add(f"expected the columns {format_list(missing)} too", found)

    def repeated_columns(self, columns: list[str]) -> None:
        """Add the fault that columns share a name."""
        for name in dict.fromkeys(columns):
            places = [str(place) for place, column in enumerate(columns, 1) if column == name]
            if name and len(places) > 1:
                self.add("expected every column once", f"{format_value(name)} in columns {format_list(places)}")

    def refuse(self) -> None:
        """End the run if there is a fault.

        Raises
        ------
        DataError
            With every kind of fault, how often it was found, and where first.
        """
        if self._counts:
            n_faults = self._counts.total()
            kinds = "\n".join(
                f"  {expected}, found {f'{count}: ' if count > 1 else ''}"
                f"{format_list(self._places[expected], count=count)}"
                for expected, count in self._counts.items()
            )
            raise DataError(f"{self._path}: {n_faults} fault{'s' if n_faults > 1 else ''}\n{kinds}\n{self._advice}")


def records(path: Path, faults: Faults, *, by_hand: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Read a CSV file in UTF-8; what cannot be read is a fault, and reading goes on at the next line.

    Parameters
    ----------
    path : Path
    faults : Faults
    by_hand : bool
        Whether a person wrote the file: then blanks may stand before a quoted cell, and the last line needs no line
        break. A file that a program wrote was cut short where it lacks one.

    Yields
    ------
    tuple of int and list of str
        The line on which a record begins, from 1, and its cells; empty lines are left out.

    Raises
    ------
    DataError
        When the file is UTF-16: nothing in it can be read.
    """
    csv.field_size_limit(_MAX_CELL)  # Python's own 2^17 is not far above what people write about themselves
    with path.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            faults.add("expected UTF-8", "UTF-16, which some programs call Unicode text: save it as CSV in UTF-8")
            faults.refuse()
        file.seek(0)
        reader = csv.reader(_lines(file, faults, by_hand=by_hand), strict=True, skipinitialspace=by_hand)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                said = _OLD_LINE_ENDS if str(error).startswith("new-line character") else str(error)
                faults.add("expected well-formed CSV", f"{said} in line {line}")
                continue
            if cells:
                yield line, cells


def _lines(file: BinaryIO, faults: Faults, *, by_hand: bool) -> Iterator[str]:
    number, line = 0, b"\n"
    for number, line in enumerate(file, 1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            faults.add("expected UTF-8", f"byte 0x{line[error.start]:02x} in line {number}")
            text = line.decode("utf-8", errors="replace")
        yield text
    if not by_hand and not line.endswith(b"\n"):
        faults.add("expected a line break at the end, which a file cut short lacks", f"none in line {number}")
