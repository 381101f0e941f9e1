"""Confusion matrices: rows are true genres and sum to 1."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure

from fmagc.errors import DataError
from fmagc.reporting.figures import style

__all__ = ["confusion_grid"]

_CELL = 0.48  # inches; a cell holds a number of two decimals
_LETTER = 0.075  # inches that a letter of a genre's name takes


def confusion_grid(matrices: Mapping[str, npt.NDArray[np.float64]], genres: Sequence[str]) -> Figure:
    """Draw the confusion matrices of several models beside each other, with one colour bar.

    Parameters
    ----------
    matrices : mapping of str to np.ndarray [shape=(K, K), float64]
        Panel title to counts; rows are true genres, columns predicted ones.
    genres : sequence of str [shape=(K,)]
        Names in class order.

    Raises
    ------
    DataError
        When there is no matrix, or one is not K x K.
    """
    if not matrices:
        raise DataError("confusion matrices: expected at least one, found none: evaluate a model first")
    n_columns = min(2, len(matrices))
    n_rows = -(-len(matrices) // n_columns)
    with style.drawing():
        labels = [style.shortened(genre, inches=style.NAME_INCHES, size=8) for genre in genres]
        cells, names = _CELL * len(genres), _LETTER * max(len(label) for label in labels)
        width, height = cells + names + 0.8, cells + 0.65 * names + 0.9  # beside them: totals, titles, axis labels
        figure = Figure(figsize=(n_columns * width + 0.9, n_rows * height))
        axes = figure.subplots(n_rows, n_columns, squeeze=False)
        for ax, (title, matrix) in zip(axes.flat, matrices.items(), strict=False):
            image = _panel(ax, np.asarray(matrix), labels, title=title)
        for ax in list(axes.flat)[len(matrices) :]:
            ax.axis("off")
        bar = figure.colorbar(image, ax=axes, shrink=0.75 / n_rows, aspect=22)
        if bar.solids:
            bar.solids.set(rasterized=False, edgecolor="face")  # stays a drawing in an SVG
        bar.set_label("share of the true genre's predictions")
    return figure


def _panel(ax: Axes, matrix: npt.NDArray[np.float64], genres: Sequence[str], *, title: str) -> QuadMesh:
    """Draw a matrix; a genre without a track gets a row of zeros."""
    if matrix.shape != (len(genres), len(genres)):
        raise DataError(
            f"confusion matrix {title!r}: expected {len(genres)} x {len(genres)} counts for the genres "
            f"{', '.join(genres)}, found shape {matrix.shape}: evaluate with the genres of the split"
        )
    totals = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.maximum(totals, 1)
    places = range(len(genres))
    edges = np.arange(len(genres) + 1) - 0.5
    image = ax.pcolormesh(edges, edges, share, cmap="Blues", vmin=0, vmax=1)  # cells, where an image would be pixels
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.set_xticks(places, genres, rotation=40, ha="right", rotation_mode="anchor")
    ax.set_yticks(places, [f"{genre} ({total:.0f})" for genre, total in zip(genres, totals[:, 0], strict=True)])
    ax.tick_params(length=0)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.set_xlabel("predicted")
    ax.set_ylabel("true (predictions)")
    ax.set_title(title)
    for row in places:
        for column in places:
            value = share[row, column]
            colour = "white" if value > 0.55 else "#a3acb5" if matrix[row, column] == 0 else style.INK
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    return image
