"""The table of predictions: what a model said about each clip, the file that every number of evaluation comes from.

One row a clip and seed of training; the columns are `protocol, model, seed, track_id, artist_id, set, clip, genre` (the
true one) and `p_<genre>` for each genre in alphabetical order. `set` is val or test. Probabilities are rounded to 6
decimals when the table is built, not when it is written: so a table that was read back equals the one in memory, and
all metrics can be recomputed from the file to the last digit.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from fmagc.errors import DataError
from fmagc.evaluation.aggregation import Average, averaged
from fmagc.evaluation.metrics import Floats, Ints
from fmagc.runtime import files

__all__ = [
    "arrays_of",
    "by_track",
    "genres_of",
    "predictions_of",
    "read_predictions",
    "validate",
    "with_probabilities",
    "write_predictions",
]

DECIMALS = 6
SUM_TOLERANCE = 1e-4
JUDGED_SETS = ("val", "test")

_COLUMNS = ("protocol", "model", "seed", "track_id", "artist_id", "set", "clip", "genre")
_TEXT = ("protocol", "model", "set", "genre")
_KEY = ["seed", "track_id", "clip"]
_PREFIX = "p_"


def predictions_of(
    probabilities: ArrayLike,
    *,
    protocol: str,
    model: str,
    seed: int,
    track_ids: Sequence[int] | Ints,
    artist_ids: Sequence[int] | Ints,
    sets: Sequence[str],
    clips: Sequence[int] | Ints,
    labels: Sequence[int] | Ints,
    genres: Sequence[str],
) -> pd.DataFrame:
    """Make the table of one seed; `pandas.concat` joins those of several seeds.

    Parameters
    ----------
    probabilities : float [shape=(N, K)]
        A row for each clip, a column for each genre.
    protocol, model : str
    seed : int
        Of training; 0 for what has none.
    track_ids, artist_ids, sets, clips, labels : sequence [shape=(N,)]
        Of each row; `clips` counts from 0 inside a track, `labels` are true class indices.
    genres : sequence of str [shape=(K,)]
        Alphabetical.

    Raises
    ------
    DataError
        When the rows make no valid table (see `validate`).
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or p.shape[1] != len(genres):
        raise DataError(f"predictions of {model}: expected probabilities (N, {len(genres)}), found the shape {p.shape}")
    table = pd.DataFrame(
        {
            "protocol": protocol,
            "model": model,
            "seed": seed,
            "track_id": np.asarray(track_ids, dtype=np.int64),
            "artist_id": np.asarray(artist_ids, dtype=np.int64),
            "set": list(sets),
            "clip": np.asarray(clips, dtype=np.int64),
            "genre": [genres[label] for label in labels],
        }
    )
    for column, genre in enumerate(genres):
        table[_PREFIX + genre] = np.round(p[:, column], DECIMALS)
    return validate(table, source=f"predictions of {model}")


def validate(table: pd.DataFrame, *, source: str) -> pd.DataFrame:
    """Return the table if every number of it can be trusted.

    Parameters
    ----------
    table : DataFrame
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


def write_predictions(table: pd.DataFrame, *, path: Path) -> None:
    """Write the table as CSV, rows ordered by seed, track and clip: the same predictions give the same bytes.

    Raises
    ------
    DataError
        When the table is not valid (see `validate`).
    """
    ordered = validate(table, source=str(path)).sort_values(_KEY)
    files.write_text(path, ordered.to_csv(index=False, float_format=f"%.{DECIMALS}f", lineterminator="\n"))


def read_predictions(path: Path) -> pd.DataFrame:
    """Read and check what `write_predictions` wrote.

    Raises
    ------
    DataError
        When the file is missing, is no such table, or holds invalid rows (see `validate`).
    """
    try:
        # all cells as text first: a genre may be called "None", and pandas' own parser does not give the nearest double
        cells = pd.read_csv(path, dtype=str, na_filter=False, encoding="utf-8")
        numbers = [str(name) for name in cells if name not in _TEXT]
        table = cells.astype({name: float if name.startswith(_PREFIX) else np.int64 for name in numbers})
    except FileNotFoundError:
        raise DataError(f"{path}: expected a table of predictions, found no file. Make it with `dvc repro`.") from None
    except (ValueError, OverflowError) as error:  # includes pandas' own parser errors and broken UTF-8
        message = f"{path}: expected a table of predictions, found {error}. Make it again with `dvc repro`."
        raise DataError(message) from None
    return validate(table, source=str(path))


def genres_of(table: pd.DataFrame) -> list[str]:
    """List the genres that the probabilities are about, in the order of their columns."""
    return [str(name).removeprefix(_PREFIX) for name in table.columns if str(name).startswith(_PREFIX)]


def by_track(table: pd.DataFrame, *, average: Average = "probabilities") -> pd.DataFrame:
    """Make one verdict of the clips of each seed and track, by the rule `average` (`evaluation.averaging`).

    Returns
    -------
    DataFrame
        The same columns without `clip`, a row for each seed and track, in this order.
    """
    clips = table.sort_values(_KEY, ignore_index=True)
    first = ~clips.duplicated(["seed", "track_id"])
    _, probabilities = arrays_of(clips)
    pooled = averaged(probabilities, first=np.flatnonzero(first), rule=average)
    return with_probabilities(clips[first].drop(columns="clip").reset_index(drop=True), pooled)


def with_probabilities(table: pd.DataFrame, probabilities: Floats) -> pd.DataFrame:
    """Return a table of clips or of tracks with other probabilities [shape=(N, K)] in its rows."""
    columns = [_PREFIX + genre for genre in genres_of(table)]
    return table.assign(**dict(zip(columns, probabilities.T, strict=True)))


def arrays_of(table: pd.DataFrame) -> tuple[Ints, Floats]:
    """Give the true class indices (N,) and the probabilities (N, K) of a table of clips or of tracks."""
    genres = genres_of(table)
    index = {genre: position for position, genre in enumerate(genres)}
    labels = np.array([index[genre] for genre in table["genre"]], dtype=np.int64)
    return labels, table[[_PREFIX + genre for genre in genres]].to_numpy(dtype=np.float64)


def _fault_of(table: pd.DataFrame) -> str | None:
    genres = genres_of(table)
    expected = [*_COLUMNS, *(_PREFIX + genre for genre in sorted(set(genres)))]
    if list(table.columns) != expected or len(genres) < 2:
        return (
            f"expected the columns {', '.join(_COLUMNS)} and p_<genre> of two or more genres in alphabetical order, "
            f"found {', '.join(map(str, table.columns))}"
        )
    if table.empty:
        return "expected a row for each clip, found none"
    for name in ("protocol", "model"):
        if table[name].nunique() > 1:
            return f"expected one {name}, found {', '.join(sorted(map(str, table[name].unique())))}"
    for name, known in (("set", JUDGED_SETS), ("genre", genres)):
        unknown = sorted(set(table[name]) - set(known))
        if unknown:
            where = _at(table, (table[name] == unknown[0]))
            return f"column {name}: expected one of {', '.join(known)}, found {unknown[0]!r}{where}"
    return _fault_of_rows(table) or _fault_of_probabilities(table)


def _fault_of_rows(table: pd.DataFrame) -> str | None:
    twice = table.duplicated(_KEY)
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


def _fault_of_probabilities(table: pd.DataFrame) -> str | None:
    _, p = arrays_of(table)
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
