"""The tree of the genres, each coloured by its average precision."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fmagc.errors import DataError
from fmagc.reporting.figures import style

__all__ = ["genre_tree"]

_ROW = 0.19  # inches
_WIDTH, _CELL, _INDENT = 3.3, 0.42, 0.16  # inches: of a column of the figure, of a cell, and of a level
_EDGE, _NUMBER = 0.15, 0.5  # inches beside the numbers, and for them
_HEAD = 0.9  # rows that the head of a column takes
_GAP = 0.07  # inches between a cell and the name
_TWO_COLUMNS = 24  # genres from which on there are two
_NORM = PowerNorm(0.5, vmin=0, vmax=1)  # most genres of a large tree have little: the low end gets more of the colours
_DARK = 0.6  # of the normed scale: white text from here on
_CMAP = "YlGnBu"


def genre_tree(rows: Sequence[Mapping[str, Any]], tree: pd.DataFrame, *, title: str) -> Figure:
    """Draw a row for each genre, below the genre that it belongs to: a cell with its average precision, and its name.

    Parameters
    ----------
    rows : sequence of mappings
        A model's genres (`evaluation.scoring.Scoring.genre_table`); ``genre``, ``support`` and ``average_precision``
        are read. A genre without a test track gets an empty cell.
    tree : pd.DataFrame
        ``genre`` and ``parent`` of these genres, and perhaps of others (`corpus.index.read_genre_table`).

    Raises
    ------
    DataError
        When there is no genre.
    """
    if not rows:
        raise DataError("tree of genres: expected at least one genre, found none: run `dvc repro`")
    found = {str(row["genre"]): row for row in rows}
    families = list(_families(found, dict(zip(tree["genre"], tree["parent"], strict=True))))
    n_columns = 2 if len(found) >= _TWO_COLUMNS else 1
    columns = _columns(families, n_columns)
    height = max(len(column) for column in columns)
    with style.drawing():
        inches = _ROW * (height + _HEAD) + 1.0
        figure = Figure(figsize=(_WIDTH * n_columns + 0.3, inches))
        axes = figure.subplots(1, n_columns, squeeze=False)[0]
        for ax, column in zip(axes, columns, strict=True):
            ax.set_xlim(0, _WIDTH)
            ax.set_ylim(height, -_HEAD)
            ax.axis("off")
            ax.text(
                _WIDTH - _EDGE,
                -_HEAD / 2,
                "test tracks",
                ha="right",
                va="center_baseline",
                fontsize=7.5,
                color=style.SOFT,
            )
            for place, (depth, genre) in enumerate(column):
                _row(ax, place, depth=depth, genre=genre, row=found[genre])
        axes[0].set_title(title)
        colours = ScalarMappable(_NORM, _CMAP)
        bar = figure.colorbar(colours, ax=axes, location="bottom", aspect=40, pad=0.01, ticks=[0, 0.1, 0.25, 0.5, 1],
                              fraction=0.3 / inches)  # fmt: skip
        if bar.solids:
            bar.solids.set(rasterized=False, edgecolor="face")  # stays a drawing in an SVG
        bar.set_label("average precision")
    return figure


def _families(found: Mapping[str, Any], parents: Mapping[str, str]) -> Iterator[list[tuple[int, str]]]:
    """List for each root its genres with their depths, each behind its parent."""
    below: dict[str, list[str]] = {}
    for genre in sorted(found):
        parent = parents[genre]
        while parent and parent not in found:  # a genre of another protocol
            parent = parents[parent]
        below.setdefault(parent, []).append(genre)

    def family(genre: str, depth: int) -> Iterator[tuple[int, str]]:
        yield depth, genre
        for child in below.get(genre, ()):
            yield from family(child, depth + 1)

    for root in below[""]:
        yield list(family(root, 0))


def _columns(families: Sequence[list[tuple[int, str]]], n_columns: int) -> list[list[tuple[int, str]]]:
    """Divide the families into columns, none across two, where the columns differ least in height."""
    ends = [sum(len(family) for family in families[: place + 1]) for place in range(len(families))]
    rows = [row for family in families for row in family]
    cut = min(ends, key=lambda end: abs(2 * end - len(rows))) if n_columns == 2 else len(rows)
    return [rows[:cut], rows[cut:]][:n_columns]


def _row(ax: Axes, place: int, *, depth: int, genre: str, row: Mapping[str, Any]) -> None:
    start, middle = _INDENT * depth, place + 0.5
    score = row["average_precision"] if row["support"] else None
    face = "none" if score is None else colormaps[_CMAP](_NORM(score))
    ax.add_patch(Rectangle((start, place + 0.06), _CELL, 0.88, facecolor=face, edgecolor="#c8c8c8", linewidth=0.5))
    text, ink = ("-", style.INK) if score is None else (f"{score:.2f}", "white" if _NORM(score) > _DARK else style.INK)
    ax.text(start + _CELL / 2, middle, text, ha="center", va="center_baseline", fontsize=8, color=ink)
    left, weight = start + _CELL + _GAP, "bold" if depth == 0 else "normal"
    name = style.shortened(genre, inches=_WIDTH - _EDGE - _NUMBER - left, size=9, weight=weight)
    ax.text(left, middle, name, va="center_baseline", fontsize=9, color=style.INK, fontweight=weight)
    ax.text(
        _WIDTH - _EDGE, middle, f"{row['support']:,}", ha="right", va="center_baseline", fontsize=8, color=style.SOFT
    )
