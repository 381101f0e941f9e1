"""The predictions of a model along a track."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from fmagc.reporting.figures import style

__all__ = ["timeline"]

_MOST = 6  # genres with a colour of their own
_OTHERS = "#d9d9d9"


def timeline(
    p: npt.NDArray[np.float64],
    starts: npt.NDArray[np.float64],
    *,
    genres: Sequence[str],
    clip_s: float,
    file_s: float,
    title: str,
) -> Figure:
    """Stack the probabilities of the clips of a track, each from halfway to the one before to halfway to the next.

    Parameters
    ----------
    p : np.ndarray [shape=(n_clips, n_genres), float64]
    starts : np.ndarray [shape=(n_clips,), float64, s]
        In ascending order.
    clip_s, file_s : float [s]
        Lengths of a clip and of the track.
    """
    centres = starts + clip_s / 2
    edges = np.concatenate([[0.0], (centres[:-1] + centres[1:]) / 2, [file_s]])
    mean = p.mean(axis=0)
    order = mean.argsort(kind="stable")[::-1]
    shown, rest = order[:_MOST], order[_MOST:]
    layers = [(f"{genres[place]}  {mean[place]:.2f}", p[:, place]) for place in shown]
    colours = list(style.PALETTE[: len(layers)])
    if len(rest):
        layers.append((f"{len(rest)} others  {mean[rest].sum():.2f}", p[:, rest].sum(axis=1)))
        colours.append(_OTHERS)
    with style.drawing():
        figure = Figure(figsize=(9, 3.2))
        ax = figure.subplots()
        bottom = np.zeros(len(p))
        for (label, height), colour in zip(layers, colours, strict=True):
            ax.stairs(bottom + height, edges, baseline=bottom, fill=True, color=colour, label=label)
            bottom = bottom + height
        ax.set_xlim(0, file_s)
        ax.set_ylim(0, 1)
        ax.grid(visible=False)
        ax.set_title(title)
        ax.set_ylabel("probability")
        ax.set_xlabel(f"time (min:s), {len(p)} clips of {clip_s:.1f} s")
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 1.5, 2, 3, 6, 10], integer=True))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda s, _: f"{int(s) // 60}:{int(s) % 60:02d}"))
        # outside, so that it hides nothing; in the order in which the layers lie
        figure.legend(loc="outside right center", title="genre, mean", reverse=True, alignment="left")
    return figure
