"""Learning curves: loss and scores over the epochs, all models in one figure."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from fmagc.errors import DataError
from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns
from fmagc.reporting.labels import SETS

__all__ = ["learning_curves"]

_DASHES: dict[str, Literal["-", "--"]] = {"train": "-", "val": "--"}


def learning_curves(history: pd.DataFrame, panels: Mapping[str, str]) -> Figure:
    """Draw a panel for each metric: a colour for each model, validation dashed, a thin line for each seed.

    Panels are in two rows. The key takes the place that an odd number of them leaves, else it stands beside them.

    Parameters
    ----------
    history : pd.DataFrame
        Columns model, seed, epoch, split (train or val) and those of the panels; of one protocol, since curves of
        different splits of the data do not belong in one panel.
    panels : mapping of str to str
        Columns that are drawn, and the title of each.

    Raises
    ------
    DataError
        When a column is missing, there are no rows, or there are several protocols.
    """
    needed = ["model", "seed", "epoch", "split", *panels]
    require_columns(history, needed, source="history")
    if "protocol" in history.columns and history["protocol"].nunique() > 1:
        names = ", ".join(sorted(history["protocol"].unique()))
        raise DataError(f"history: expected one protocol in a figure, found {names}: draw one figure for each")
    colours, markers = style.model_colours(history["model"]), style.model_markers(history["model"])
    with style.drawing():
        figure = Figure(figsize=(11, 6))
        axes = figure.subplots(2, math.ceil(len(panels) / 2))
        for ax, (metric, label) in zip(axes.flat, panels.items(), strict=False):
            _panel(ax, history, metric, colours, markers)
            ax.set_title(label)
            ax.set_xlabel("epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True))
            if metric != "loss":
                ax.set_ylim(0, 1.02)
        key: dict[str, Any] = {
            "handles": _handles(colours, markers, several_seeds=history["seed"].nunique() > 1),
            "fontsize": 9,
            "handlelength": 3,
        }
        if len(panels) % 2:
            axes.flat[-1].axis("off")
            axes.flat[-1].legend(**key, loc="center left")
        else:
            figure.legend(**key, loc="outside right center")
    return figure


def _panel(ax: Axes, history: pd.DataFrame, metric: str, colours: dict[str, str], markers: dict[str, str]) -> None:
    """Draw a metric's curves of every model."""
    for (model, split), rows in history.groupby(["model", "split"], sort=True):
        colour, dash = colours[str(model)], _DASHES[str(split)]
        if rows["seed"].nunique() > 1:
            for _, run in rows.groupby("seed"):
                run = run.sort_values("epoch")
                ax.plot(run["epoch"], run[metric], dash, color=colour, linewidth=0.7, alpha=0.45)
        mean = rows.groupby("epoch")[metric].mean()  # over the seeds that reached the epoch
        marker = markers[str(model)]  # for readers who see no colours
        ax.plot(mean.index, mean.to_numpy(), dash, color=colour, linewidth=1.8, marker=marker, markersize=4)


def _handles(colours: dict[str, str], markers: dict[str, str], *, several_seeds: bool) -> list[Line2D]:
    """Make the entries of the key to colours, dashes and widths."""
    handles = [
        Line2D([], [], color=colour, linewidth=2, marker=markers[model], label=model)
        for model, colour in colours.items()
    ]
    handles += [
        Line2D([], [], color="#333333", linewidth=2, linestyle=dash, label=SETS[split])
        for split, dash in _DASHES.items()
    ]
    if several_seeds:
        handles.append(Line2D([], [], color="#333333", linewidth=0.7, alpha=0.6, label="one seed"))
        handles.append(Line2D([], [], color="#333333", linewidth=2, label="mean of the seeds"))
    return handles
