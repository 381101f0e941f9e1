"""The CSV of predictions, the file that every number of evaluation comes from.

One row for each clip and training seed; the columns are `protocol, model, seed, track_id, artist_id, set, clip, genre`
(the true one) and `p_<genre>` for each genre in alphabetical order. `set` is val or test. Probabilities are rounded to
6 decimals when the predictions are made, not when they are written: so predictions that were read back equal those in
memory, and all metrics can be recomputed from the file to the last digit.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fmagc.errors import DataError
from fmagc.runtime import tables

__all__ = ["COLUMNS", "DECIMALS", "EVALUATED_SETS", "KEY", "PREFIX", "read_table", "validate", "write_table"]

DECIMALS = 6
SUM_TOLERANCE = 1e-4
EVALUATED_SETS = ("val", "test")

COLUMNS = ("protocol", "model", "seed", "track_id", "artist_id", "set", "clip", "genre")
KEY = ["seed", "track_id", "clip"]
PREFIX = "p_"  # of a column of probabilities
_TEXT = ("protocol", "model", "set", "genre")


def validate(table: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """Return the table if every number of it can be trusted.

    Parameters
    ----------
    table : pd.DataFrame
        With the columns of the module's docstring.
    source : str
        Where it comes from, for the message.

    Raises
    ------
    DataError
        On missing or unsorted columns, no rows, several models or protocols, an unknown set or genre, a clip that
        occurs twice, a track whose artist, set or genre changes, seeds that saw different clips, or probabilities
        that are outside 0 to 1 or do not sum to 1.
    """
    fault = _fault_of(table)
    if fault:
        raise DataError(f"{source}: {fault}. Make it again with `dvc repro`.")
    return table


def write_table(table: pd.DataFrame, *, path: Path) -> None:
    """Write a table whose rows are ordered by seed, track and clip: the same predictions give the same bytes."""
    tables.write_csv(path, table, float_format=f"%.{DECIMALS}f")


def read_table(path: Path, *, stage: str) -> pd.DataFrame:
    """Read and check what `write_table` wrote.

    Parameters
    ----------
    stage : str
        The stage that makes it, for the message.

    Raises
    ------
    DataError
        When the file is missing or damaged, is no such table, or holds invalid rows (see `validate`).
    """
    # all cells as text first: a genre may be called "None", and pandas' own parser does not give the nearest double
    cells = tables.read_csv(path, stage=stage, dtype=str, na_filter=False)
    numbers = [str(name) for name in cells if name not in _TEXT]
    try:
        table = cells.astype({name: float if name.startswith(PREFIX) else np.int64 for name in numbers})
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: expected a table of predictions, found {error}: run `dvc repro -f {stage}`") from None
    return validate(table, source=str(path))


def _fault_of(table: pd.DataFrame) -> str | None:
    genres = [str(name).removeprefix(PREFIX) for name in table.columns if str(name).startswith(PREFIX)]
    expected = [*COLUMNS, *(PREFIX + genre for genre in sorted(set(genres)))]
    if list(table.columns) != expected or len(genres) < 2:
        return (
            f"expected the columns {', '.join(COLUMNS)} and p_<genre> of two or more genres in alphabetical order, "
            f"found {', '.join(map(str, table.columns))}"
        )
    if table.empty:
        return "expected a row for each clip, found none"
    for name in ("protocol", "model"):
        if table[name].nunique() > 1:
            return f"expected one {name}, found {', '.join(sorted(map(str, table[name].unique())))}"
    for name, known in (("set", EVALUATED_SETS), ("genre", genres)):
        unknown = sorted(set(table[name]) - set(known))
        if unknown:
            where = _at(table, (table[name] == unknown[0]))
            return f"column {name}: expected one of {', '.join(known)}, found {unknown[0]!r}{where}"
    return _fault_of_rows(table) or _fault_of_probabilities(table, genres)


def _fault_of_rows(table: pd.DataFrame) -> str | None:
    twice = table.duplicated(KEY)
    if twice.any():
        return f"expected each clip once for each seed, found one again{_at(table, twice)}"
    tracks = table.groupby("track_id")
    for name in ("artist_id", "set", "genre"):
        changing = tracks[name].nunique() > 1
        if changing.any():
            return f"column {name}: expected one value for each track, found several for track_id {changing.idxmax()}"
    n_seeds = table["seed"].nunique()
    partial = table.groupby(["track_id", "clip"])["seed"].transform("size") != n_seeds
    if partial.any():
        return f"expected every clip from all {n_seeds} seeds, found some without{_at(table, partial)}"
    return None


def _fault_of_probabilities(table: pd.DataFrame, genres: list[str]) -> str | None:
    p = table[[PREFIX + genre for genre in genres]].to_numpy(dtype=np.float64)
    outside = ~((p >= 0) & (p <= 1)).all(axis=1)  # NaN compares false
    if outside.any():
        return f"expected probabilities from 0 to 1, found {p[outside][0].tolist()}{_at(table, outside)}"
    sums = p.sum(axis=1)
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if off.any():
        return f"expected probabilities that sum to 1, found a sum of {sums[off][0]:.6f}{_at(table, off)}"
    return None


def _at(table: pd.DataFrame, rows: ArrayLike) -> str:
    """Name the first of some rows."""
    first = table.iloc[int(np.argmax(rows))]
    return f" at seed {first['seed']}, track_id {first['track_id']}, clip {first['clip']}"
