"""A dataset of one's own: files in folders of genres, and a table beside them."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from fmagc.corpus.data_home import scan_files
from fmagc.corpus.selection import select_tracks

NAME = "mine"
GTZAN = [f"{genre}/{genre}.{number:05d}.wav" for genre in ("blues", "rock") for number in range(4)]

Change = Callable[[Path], object]


def put(*paths: str) -> Change:
    """Write files that hold their own path: nobody decodes them here."""

    def write(root: Path) -> None:
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(path, encoding="utf-8")

    return write


def table(*lines: str, header: str = "path,genre,artist") -> Change:
    return lambda root: (root / "tracks.csv").write_text("\n".join([header, *lines, ""]), encoding="utf-8")


def selected(
    root: Path, *, layout: str = "folders", genres: list[int | str] | int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    chosen = select_tracks(root.parent, scan_files(root, NAME, layout=layout), subset="small", genres=genres)
    return chosen.files, chosen.tracks, chosen.left_out
