"""Check the tables that figures draw."""

from collections.abc import Sequence

import pandas as pd

from fmagc.errors import DataError

__all__ = ["require_columns"]


def require_columns(table: pd.DataFrame, columns: Sequence[str], *, source: str) -> None:
    """Raise DataError unless a table has rows and columns; `source` names it in the message."""
    missing = [name for name in columns if name not in table.columns]
    if missing or table.empty:
        found = f"no {', '.join(missing)}" if missing else "no rows"
        raise DataError(
            f"{source}: expected rows with the columns {', '.join(columns)}, found {found}: run `dvc repro`"
        )
