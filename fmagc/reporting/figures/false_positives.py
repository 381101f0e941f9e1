"""Genres that a model gives wrongly, and the genres whose tracks get them."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fmagc.reporting.figures import style
from fmagc.reporting.metric_text import count_text

__all__ = ["false_positive_table"]

_MOST = 30  # rows
_SOURCES = 3  # cells of a row
_ROW, _NAME, _CELL = 0.22, 2.2, 2.1  # inches: a row, the first column, and each of the others
_PAD, _EDGE = 0.05, 0.04  # inches: within a cell before its text, and between two cells
_CMAP = "Blues"
_DARK = 0.6


def false_positive_table(found: Sequence[Mapping[str, Any]], *, title: str) -> Figure:
    """Lay out a row for each genre that tracks get wrongly, with the genres that it most often takes the place of.

    Parameters
    ----------
    found : sequence of mappings
        `false_positives` of `evaluation.scoring.Scoring.analysis`, the most frequent first; the first 30 are shown. A
        track counts in equal parts for those of its own genres that it does not get.
    """
    shown = found[:_MOST]
    with style.drawing():
        width = _NAME + _SOURCES * _CELL
        figure = Figure(figsize=(width + 0.3, 0.5 if not shown else _ROW * (len(shown) + 1) + 0.6))
        ax = figure.subplots()
        ax.axis("off")
        if not shown:
            ax.text(0, 0.5, "No test track gets a wrong genre.", va="center", fontsize=10)
            return figure
        ax.set_xlim(0, width)
        ax.set_ylim(len(shown) + 0.05, -1.05)
        ax.set_title(title)
        ax.text(0, -0.5, "given wrongly (tracks)", va="center_baseline", fontsize=8, color=style.GREY)
        ax.text(_NAME, -0.5, "most often in place of (tracks, share of the row)", va="center_baseline", fontsize=8,
                color=style.GREY)  # fmt: skip
        for place, row in enumerate(shown):
            label = style.shortened(row["genre"], f" ({count_text(row['count'])})", inches=_NAME - _EDGE, size=8)
            ax.text(0, place + 0.5, label, va="center_baseline", fontsize=8, color=style.INK)
            for number, source in enumerate(row["tracks_of"][:_SOURCES]):
                share, left = source["count"] / row["count"], _NAME + number * _CELL
                end, inside = f" ({count_text(source['count'])}, {share:.0%})", _CELL - _EDGE - 2 * _PAD
                label = style.shortened(source["genre"], end, inches=inside, size=7.5)
                ax.add_patch(Rectangle((left, place + 0.04), _CELL - _EDGE, 0.92, facecolor=colormaps[_CMAP](share)))
                ax.text(left + _PAD, place + 0.5, label, va="center_baseline", fontsize=7.5,
                        color="white" if share > _DARK else style.INK)  # fmt: skip
    return figure
