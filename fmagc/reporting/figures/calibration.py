"""Reliability diagrams: how many of the predictions of each bin of confidence came true."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmagc.errors import DataError
from fmagc.reporting.figures import style

__all__ = ["reliability_diagrams"]

_COLUMNS = 4
_LARGEST = 260  # points squared: the area of a marker that stands for all rows


def reliability_diagrams(
    calibrations: Mapping[str, Mapping[str, Any]], *, confidence: str, right: str, rows: str
) -> Figure:
    """Draw what came true over confidence, a panel for each model: filled as predicted, hollow after scaling.

    Parameters
    ----------
    calibrations : mapping of str to mapping
        Model to its `evaluation.error_analysis.calibration`; the keys ``bins`` and ``bins_scaled`` are read.
    confidence, right, rows : str
        The words for the two axes, and for what a bin counts.

    Raises
    ------
    DataError
        When there is no model.
    """
    if not calibrations:
        raise DataError("calibration: expected at least one model, found none: evaluate a model first")
    n_columns = min(_COLUMNS, len(calibrations))
    n_rows = -(-len(calibrations) // n_columns)
    colours, markers = style.model_colours(calibrations), style.model_markers(calibrations)
    with style.drawing():
        figure = Figure(figsize=(0.6 + 2.5 * n_columns, 0.8 + 2.5 * n_rows))
        axes = figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False)
        for ax, (model, found) in zip(axes.flat, calibrations.items(), strict=False):
            _panel(ax, found, colour=colours[model], marker=markers[model])
            ax.set_title(model)
        for place, ax in enumerate(axes.flat):
            if place >= len(calibrations):
                ax.axis("off")
            elif place + n_columns >= len(calibrations):  # no panel below it has the numbers
                ax.tick_params(labelbottom=True)
        figure.supxlabel(f"{confidence} (mean of a bin)", fontsize=9)
        figure.supylabel(right, fontsize=9)
        looks: dict[str, Any] = {"marker": "o", "linestyle": "none", "color": style.GREY, "markersize": 8}
        handles = [
            Line2D([], [], **looks, label=f"as predicted; area: {rows} in the bin"),
            Line2D([], [], **looks, markerfacecolor="none", label="after temperature scaling"),
            Line2D([], [], color=style.GREY, linestyle=":", label="perfect calibration"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), n_columns))
    return figure


def _panel(ax: Axes, found: Mapping[str, Any], *, colour: str, marker: str) -> None:
    ax.plot([0, 1], [0, 1], color=style.GREY, linestyle=":", linewidth=1.2, zorder=1)
    for bins, face in ((found["bins"], colour), (found["bins_scaled"], "none")):
        rows = np.array([row["rows"] for row in bins])
        ax.scatter(
            [row["confidence"] for row in bins],
            [row["accuracy"] for row in bins],
            s=_LARGEST * rows / rows.sum() + 8,
            marker=marker,
            facecolor=face,
            edgecolor=colour,
            linewidth=1,
            alpha=0.85,
            clip_on=False,
        )
    ax.set_xlim(0, 1)
    ax.set_ylim(-0.03, 1.03)
    ax.set_aspect("equal")
