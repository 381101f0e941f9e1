"""The predictions of a model along a track."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmagc.reporting.figures import style
from fmagc.tasks.task import TaskName

__all__ = ["timeline"]

_MOST = 6  # genres with a colour of their own
_OTHERS = "#d9d9d9"

Floats = npt.NDArray[np.float64]


def timeline(
    p: Floats,
    starts: Floats,
    *,
    task: TaskName,
    genres: Sequence[str],
    clip_s: float,
    file_s: float,
    title: str,
) -> Figure:
    """Draw the probabilities of the clips of a track, each from halfway to the one before to halfway to the next.

    Where a track has one genre, they are stacked to 1; where it has several, each is a line of its own.

    Parameters
    ----------
    p : np.ndarray [shape=(n_clips, n_genres), float64]
    starts : np.ndarray [shape=(n_clips,), float64, s]
        In ascending order.
    task : TaskName
    clip_s, file_s : float [s]
        Lengths of a clip and of the track.
    """
    centres = starts + clip_s / 2
    edges = np.concatenate([[0.0], (centres[:-1] + centres[1:]) / 2, [file_s]])
    order = (-p.mean(axis=0)).argsort(kind="stable")
    own = {genres[place]: p[:, place] for place in order[:_MOST]}
    with style.drawing():
        figure = Figure(figsize=(9, 3.2))
        ax = figure.subplots()
        _DRAWN[task](ax, edges, own, p[:, order[_MOST:]])
        ax.set_xlim(0, file_s)
        ax.set_ylim(0, 1)
        ax.grid(visible=False)
        ax.set_title(title)
        ax.set_ylabel("probability")
        ax.set_xlabel(f"time (min:s), {len(p)} clips of {clip_s:.1f} s")
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 1.5, 2, 3, 6, 10], integer=True))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}"))
        # outside, so that it hides nothing; what was drawn first is below
        figure.legend(loc="outside right center", title="genre, mean", reverse=True, alignment="left")
    return figure


def _stack(ax: Axes, edges: Floats, own: Mapping[str, Floats], others: Floats) -> None:
    """Stack genres, the most probable one at the bottom and those without a colour of their own at the top."""
    layers = list(zip(own.items(), style.PALETTE, strict=False))
    if others.size:
        layers.append(((f"{others.shape[1]} others", others.sum(axis=1)), _OTHERS))
    bottom = np.zeros(len(edges) - 1)
    for (name, height), colour in layers:
        ax.stairs(bottom + height, edges, baseline=bottom, fill=True, color=colour, label=_labelled(name, height))
        bottom = bottom + height


def _lines(ax: Axes, edges: Floats, own: Mapping[str, Floats], others: Floats) -> None:
    """Draw a line for each genre, the most probable one last; those without a colour of their own are left out."""
    for (name, height), colour in reversed(list(zip(own.items(), style.PALETTE, strict=False))):
        ax.stairs(height, edges, baseline=None, color=colour, linewidth=2, label=_labelled(name, height))


def _labelled(name: str, p: Floats) -> str:
    return style.shortened(name, f"  {p.mean():.2f}", inches=style.NAME_INCHES, size=8)


_DRAWN: Mapping[TaskName, Callable[[Axes, Floats, Mapping[str, Floats], Floats], None]] = {
    "single": _stack,
    "multi": _lines,
}
