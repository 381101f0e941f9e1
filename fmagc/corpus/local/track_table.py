"""Read a table of your own: tracks.csv with path, genre and optional artist and split."""

from collections import defaultdict
from pathlib import Path, PurePosixPath

import pandas as pd

from fmagc.corpus.csv_reader import Faults, records
from fmagc.corpus.local.file_names import AUDIO_SUFFIXES, case_collisions, fold_case, is_audio, is_invalid
from fmagc.errors import format_list, format_value

__all__ = ["LISTING", "read_listing"]

LISTING = "tracks.csv"  # in the dataset's folder, from which its paths start
_REQUIRED, _OPTIONAL = ("path", "genre"), ("artist", "split")
_SPLITS = {"train": "training", "val": "validation", "valid": "validation", "dev": "validation"}  # to FMA's words
_WORDS = ("training", "validation", "test", *_SPLITS)
_ADVICE = "Correct the table or the folder, then run `dvc repro -f fetch` and `dvc repro`."


def read_listing(data_home: Path) -> pd.DataFrame:
    """Read tracks.csv and check that its files are there.

    Returns
    -------
    pd.DataFrame
        One row per track, sorted by ``path``: ``path``, ``genre`` (empty: none), ``artist`` (empty: not known),
        ``split`` (FMA's words; empty in every row where the table has no such column).

    Raises
    ------
    DataError
        With all offending rows: columns or cells that are missing, columns of one name, paths that lead out of the
        folder, to no file or to no music, paths that occur twice, unknown splits, and names that differ in case alone;
        when no row has a genre.
    """
    faults = Faults(data_home / LISTING, advice=_ADVICE)
    rows = records(data_home / LISTING, faults, by_hand=True)
    _, cells = next(rows, (1, []))
    header = [cell.strip() for cell in cells]
    missing = [column for column in _REQUIRED if column not in header]
    if missing:
        faults.wrong_table(missing, header)
    faults.repeated_columns(header)
    faults.refuse()
    tracks, lines = [], defaultdict(list)
    for line, cells in rows:
        if len(cells) != len(header):
            faults.add(f"expected {len(header)} cells a row", f"{len(cells)} in line {line}")
            continue
        row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
        track = {column: row.get(column, "") for column in (*_REQUIRED, *_OPTIONAL)}
        track["path"] = PurePosixPath(track["path"]).as_posix() if track["path"] else ""
        for expected, found in _offences(data_home, track, splits="split" in header):
            faults.add(expected, f"{found} in line {line}")
        track["split"] = _SPLITS.get(track["split"], track["split"])
        lines[fold_case(track["path"])].append(f"{track['path']} in line {line}")
        tracks.append(track)
    for places in lines.values():
        if len(places) > 1:
            faults.add("column path: expected every file once, whatever the case", format_list(places))
    for column in ("genre", "artist"):
        for group in case_collisions(track[column] for track in tracks):
            faults.add(
                f"column {column}: expected names that differ in more than case", " and ".join(map(format_value, group))
            )
    if not tracks:
        faults.add("expected a row for each track", "none")
    elif not any(track["genre"] for track in tracks):
        faults.add("column genre: expected names", "none in any row")
    faults.refuse()
    return pd.DataFrame(tracks, dtype=str).sort_values("path", ignore_index=True)


def _offences(data_home: Path, track: dict[str, str], *, splits: bool) -> list[tuple[str, str]]:
    """Describe what is wrong with one row: what was expected, and what was found."""
    path, found = track["path"], format_value(track["path"])
    offences = [
        (f"column {column}: expected a name", f"{format_value(track[column])} ({found})")
        for column in ("genre", "artist")
        if is_invalid(track[column])
    ]
    if splits and track["split"] not in _WORDS:
        offences.append(
            (f"column split: expected one of {format_list(_WORDS)}", f"{format_value(track['split'])} ({found})")
        )
    pure = PurePosixPath(path)
    if not path or is_invalid(path) or pure.is_absolute() or ".." in pure.parts:
        offences.append(("column path: expected a path that starts from the table's folder and stays below it", found))
    elif not is_audio(path):
        offences.append((f"column path: expected music ({format_list(AUDIO_SUFFIXES)})", found))
    elif not (data_home / path).exists():
        offences.append(("column path: expected a file that is there", found + _hint(data_home, path)))
    return offences


def _hint(data_home: Path, path: str) -> str:
    """Find out why a file is not there: written in other letters, or with the separators of Windows."""
    if "\\" in path and (data_home / path.replace("\\", "/")).exists():
        return " (with / in place of \\ it is)"
    place = data_home
    for part in PurePosixPath(path).parts:
        if not place.is_dir():
            return ""
        names = [entry.name for entry in place.iterdir()]
        close = part if part in names else next((name for name in names if fold_case(name) == fold_case(part)), None)
        if close is None:
            return ""
        place = place / close
    return f" (there is {place.relative_to(data_home).as_posix()})"
