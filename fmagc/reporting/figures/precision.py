"""Average precision of each genre by the number of its training tracks."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, SymmetricalLogLocator

from fmagc.errors import DataError
from fmagc.evaluation.ranking import precision_by_chance
from fmagc.reporting.figures import style

__all__ = ["precision_by_size"]

_SIZE = (9.0, 5.6)  # inches, of the figure
_AREA = np.array([7.6, 4.4])  # inches, about, of the axes between the outermost points, and from 0 to 1
_LETTER, _LINE, _GAP = 0.08, 0.13, 0.07  # inches: a letter and a line of a label, and its distance from the point
_MOST = 36  # labels
_SIDES = {
    "left": (1.0, 0.0),
    "right": (-1.0, 0.0),
    "bottom": (0.0, 1.0),
    "top": (0.0, -1.0),
}  # by the edge at the point
_TICKS = (1, 2, 5)
_DEPTHS = (("root", "#0072B2", "o"), ("second level", "#E69F00", "s"), ("deeper", "#009E73", "^"))


def precision_by_size(
    rows: Sequence[Mapping[str, Any]],
    *,
    training: Mapping[str, int],
    depths: Mapping[str, int],
    n_tracks: int,
    title: str,
) -> Figure:
    """Draw a point for each genre with test tracks, and name those that lie farthest from the trend.

    Parameters
    ----------
    rows : sequence of mappings
        A model's genres (`evaluation.scoring.Scoring.genre_table`); ``genre``, ``support`` and ``average_precision``
        are read.
    training : mapping of str to int
        The number of training tracks of each genre; none where those that it had could not be decoded.
    depths : mapping of str to int
        The level of each genre in the tree, 0 for a root.
    n_tracks : int
        Number of test tracks, on which a genre's average precision by chance depends.

    Raises
    ------
    DataError
        When no genre has test tracks.
    """
    tested = [row for row in rows if row["support"]]
    if not tested:
        raise DataError("precision by genre: expected a genre with test tracks, found none: run `dvc repro`")
    genres = [str(row["genre"]) for row in tested]
    sizes = np.array([training[genre] for genre in genres], dtype=np.float64)
    scores = np.array([row["average_precision"] for row in tested], dtype=np.float64)
    chance = precision_by_chance([row["support"] for row in tested], n_tracks)
    level = np.minimum([depths[genre] for genre in genres], len(_DEPTHS) - 1)
    with style.drawing():
        figure = Figure(figsize=_SIZE)
        ax = figure.subplots()
        ax.plot(sizes, chance, "_", color=style.GREY, markersize=6, label="by chance")
        for depth, (label, colour, marker) in enumerate(_DEPTHS):
            own = level == depth
            if own.any():
                ax.plot(sizes[own], scores[own], marker, color=colour, markersize=6, markeredgecolor="white",
                        markeredgewidth=0.6, label=label, clip_on=False)  # fmt: skip
        if sizes.min() > 0:
            ax.set_xscale("log")
            ax.xaxis.set_major_locator(LogLocator(subs=_TICKS))
        else:  # linear from 0 to 1, as wide as from 1 to 10
            ax.set_xscale("symlog", linthresh=1)
            ax.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1, subs=_TICKS))
        ax.set_ylim(0, 1)
        for place, side in _labelled(np.log10(np.maximum(sizes, 0.1)), scores, genres).items():
            dx, dy = _SIDES[side]
            ax.annotate(genres[place], (sizes[place], scores[place]), (72 * _GAP * dx, 72 * _GAP * dy),
                        textcoords="offset points", fontsize=8, annotation_clip=False,
                        ha=side if dx else "center", va="center" if dx else side)  # fmt: skip
        ax.xaxis.set_major_formatter("{x:,.0f}")
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("training tracks of the genre")
        ax.set_ylabel("average precision on the test tracks")
        ax.set_title(title)
        figure.legend(loc="outside upper right", ncols=len(_DEPTHS) + 1)
    return figure


def _labelled(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], names: Sequence[str]) -> dict[int, str]:
    """Choose the points that get a label, and on which side; no label covers a point or another label."""
    spread = np.ptp(x) or 1.0
    trend = np.polyval(np.polyfit(x, y, 1), x) if np.ptp(x) else np.full_like(y, y.mean())
    centres = np.column_stack([(x - x.min()) / spread, y]) * _AREA  # (N, 2), inches
    boxes = [np.concatenate([centre - _GAP / 2, centre + _GAP / 2]) for centre in centres]
    found: dict[int, str] = {}
    for place in np.argsort(-np.abs(y - trend), kind="stable").tolist():
        size = np.array([_LETTER * len(names[place]), _LINE])
        for side, (dx, dy) in _SIDES.items():
            middle = centres[place] + np.array([dx, dy]) * (_GAP + size / 2)
            box = np.concatenate([middle - size / 2, middle + size / 2])
            inside = (box[:2] >= 0).all() and (box[2:] <= _AREA).all()
            if inside and not any((box[:2] < other[2:]).all() and (other[:2] < box[2:]).all() for other in boxes):
                boxes.append(box)
                found[place] = side
                break
        if len(found) == _MOST:
            break
    return found
