"""Scores by the music seen of a track, under each rule of averaging."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns
from fmagc.reporting.labels import MEASURES, SETS

__all__ = ["clip_count_curves"]

_RULES = {"probabilities": "mean of probabilities", "logits": "mean of logits", "vote": "majority vote"}
_DASHES: dict[str, Literal["-", "--"]] = {"test": "-", "val": "--"}


def clip_count_curves(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw metrics of tracks by the seconds of music seen, a row for each and a column for each rule.

    Parameters
    ----------
    table : pd.DataFrame
        As `evaluation.clips_per_track.count_table`, of one protocol and any number of models.
    metrics : sequence of str
        Keys of `labels.MEASURES`.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    needed = ["model", "set", "average", "seconds", *metrics]
    require_columns(table, needed, source="clip counts")
    colours, markers = style.model_colours(table["model"]), style.model_markers(table["model"])
    rules = {rule: title for rule, title in _RULES.items() if rule in set(table["average"])}
    with style.drawing():
        figure = Figure(figsize=(11, 6.2))
        axes = figure.subplots(len(metrics), len(rules), sharex=True, sharey="row")
        for row, metric in zip(axes, metrics, strict=True):
            for ax, (rule, title) in zip(row, rules.items(), strict=True):
                _panel(ax, table[table["average"] == rule], metric, colours, markers)
                ax.set_title(title)
            row[0].set_ylabel(MEASURES[metric])
        shortest, longest = table["seconds"].min(), table["seconds"].max()
        ticks = shortest * 2.0 ** np.arange(int(np.log2(longest / shortest)) + 1)
        for ax in axes[-1]:
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{seconds:.3g}" for seconds in ticks])
            ax.minorticks_off()
            ax.set_xlabel("seconds of music a track")
        _legend(figure, colours, markers)
    return figure


def _panel(ax: Axes, table: pd.DataFrame, metric: str, colours: dict[str, str], markers: dict[str, str]) -> None:
    for model, colour in colours.items():
        for name, dash in _DASHES.items():
            rows = table[(table["model"] == model) & (table["set"] == name)].sort_values("seconds")
            ax.plot(
                rows["seconds"],
                rows[metric],
                color=colour,
                linestyle=dash,
                linewidth=1.6,
                marker=markers[model],
                markersize=4.5,
            )


def _legend(figure: Figure, colours: dict[str, str], markers: dict[str, str]) -> None:
    handles = [
        Line2D([], [], color=colour, marker=markers[model], markersize=4.5, label=model)
        for model, colour in colours.items()
    ]
    handles += [Line2D([], [], color="#333333", linestyle=dash, label=SETS[name]) for name, dash in _DASHES.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handlelength=3)
