"""The ledger: every requested track exactly once, accepted with its place or rejected with its reason."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from fmagc.cache.ledger_rows import COLUMNS
from fmagc.cache.manifest import read_manifest
from fmagc.errors import DataError, format_list
from fmagc.paths import LEDGER
from fmagc.runtime.files import write_text

__all__ = ["counts", "read_accepted", "read_ledger", "read_rejected", "require_in_ledger", "write_ledger"]


def write_ledger(folder: Path, rows: Sequence[dict[str, Any]], *, requested: Sequence[int]) -> None:
    """Write ledger.csv.

    Raises
    ------
    DataError
        When the rows are not the requested tracks, each once.
    """
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values("track_id")
    _account(folder / LEDGER, table, requested)
    write_text(folder / LEDGER, table.to_csv(index=False))


def read_ledger(folder: Path, *, requested: Sequence[int]) -> pd.DataFrame:
    """Read ledger.csv; raise DataError unless it is undamaged and accounts for every requested track."""
    table = _read(folder, stage="decode")
    _account(folder / LEDGER, table, requested)
    return table


def read_accepted(folder: Path) -> dict[int, str]:
    """Read the paths of the accepted tracks by id; raise DataError unless ledger.csv is undamaged."""
    table = _read(folder, stage="decode")
    accepted = table[table["status"] == "accepted"]
    return dict(zip(accepted["track_id"].tolist(), accepted["path"].tolist(), strict=True))


def read_rejected(folder: Path, *, stage: str) -> list[int]:
    """Read the ids of the rejected tracks; raise DataError that names the stage unless ledger.csv is undamaged."""
    table = _read(folder, stage=stage)
    return table.loc[table["status"] == "rejected", "track_id"].tolist()


def require_in_ledger(folder: Path, split: pd.DataFrame, *, where: Path) -> None:
    """Raise DataError unless the ledger accounts for every track of a split, which was read from `where`."""
    unknown = sorted(set(split["track_id"]) - set(_read(folder, stage="decode")["track_id"]))
    if unknown:
        raise DataError(
            f"{where}: expected tracks of {folder / LEDGER}, found {len(unknown)} that it does not know "
            f"({format_list(list(map(str, unknown)))}): run `dvc repro -f index` and `dvc repro`"
        )


def _read(folder: Path, *, stage: str) -> pd.DataFrame:
    read_manifest(folder, stage=stage).verify_file(LEDGER)
    return pd.read_csv(folder / LEDGER, dtype=COLUMNS, keep_default_na=False)


def counts(table: pd.DataFrame) -> dict[str, Any]:
    """Count a ledger: ``requested``, ``accepted``, and ``rejected`` by reason."""
    rejected = table[table["status"] == "rejected"]
    by_reason = rejected["reason"].value_counts().sort_index()
    return {
        "requested": len(table),
        "accepted": len(table) - len(rejected),
        "rejected": {str(reason): int(number) for reason, number in by_reason.items()},
    }


def _account(path: Path, table: pd.DataFrame, requested: Sequence[int]) -> None:
    known = table["status"].isin(["accepted", "rejected"])
    if sorted(table["track_id"]) != sorted(requested) or not known.all():
        missing = sorted(set(requested) - set(table["track_id"]))
        raise DataError(
            f"{path}: expected each of {len(requested)} requested tracks once, accepted or rejected; found "
            f"{len(table)} rows, {len(missing)} tracks missing {missing[:10]}: run `dvc repro -f decode`"
        )
