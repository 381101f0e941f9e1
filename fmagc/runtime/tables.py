"""Write and read the CSV tables of the stages, each of which carries the digest of its own content.

The digest is the one filled cell of the last column, `own_digest`, in the first row. `pandas.read_csv`, DVC's plots and
spreadsheets read such a table like any other.
"""

from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.errors import DataError
from fmagc.runtime.files import OWN_DIGEST, damaged, digest, write_text

__all__ = ["read_csv", "write_csv"]


def write_csv(path: Path, table: pd.DataFrame, *, float_format: str | None = None) -> None:
    """Write a table without its index, atomically: the same table gives the same bytes.

    Parameters
    ----------
    path : Path
    table : pd.DataFrame
        With at least one row, which holds the digest; no cell holds a carriage return.
    float_format : str, optional
        As `pandas.DataFrame.to_csv` takes it.
    """
    body = table.to_csv(index=False, lineterminator="\n", float_format=float_format)
    write_text(path, _with_digest(_cells(body.encode()), digest(body.encode())))


def read_csv(path: Path, *, stage: str, cached: bool = True, **options: Any) -> pd.DataFrame:
    """Read what `write_csv` wrote.

    Parameters
    ----------
    path : Path
    stage : str
        The stage that makes it, for the message.
    cached : bool
        As `files.damaged` takes it.
    **options
        As `pandas.read_csv` takes them.

    Raises
    ------
    DataError
        When the file is missing, or its bytes have changed since it was made.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected a table of the stage {stage}, found none: run `dvc repro`") from None
    try:
        cells = _cells(data)
        expected = str(cells.pop(OWN_DIGEST).iloc[0])
        body = cells.to_csv(index=False, lineterminator="\n")
        whole = _with_digest(cells, expected).encode() == data
    except (ValueError, KeyError, IndexError):  # no UTF-8, no table, no such column, no row
        raise damaged(path, expected="none", found=digest(data), stage=stage, cached=cached) from None
    found = digest(body.encode() if whole else data)
    if found != expected:
        raise damaged(path, expected=expected, found=found, stage=stage, cached=cached)
    table: pd.DataFrame = pd.read_csv(StringIO(body), **options)
    return table


def _cells(data: bytes) -> pd.DataFrame:
    return pd.read_csv(BytesIO(data), dtype=str, na_filter=False, encoding="utf-8")


def _with_digest(cells: pd.DataFrame, own: str) -> str:
    return cells.assign(**{OWN_DIGEST: [own, *[""] * (len(cells) - 1)]}).to_csv(index=False, lineterminator="\n")
