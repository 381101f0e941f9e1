"""Scores of all models and baselines with their 95 % intervals."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure

from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns
from fmagc.reporting.labels import MEASURES

__all__ = ["interval_bars"]

_ROOM = 1.25  # of the highest bound: where all scores are low, an axis up to 1 would press them into a corner
_PAPER = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"}
_FINE = 0.5  # the end of an axis below which a third decimal is written


def interval_bars(table: pd.DataFrame, metrics: Sequence[str], *, rank: str, chance: Mapping[str, float]) -> Figure:
    """Draw metrics of each model as a dot with its 95 % interval, best first.

    Parameters
    ----------
    table : pd.DataFrame
        A row for each model or baseline: model, and each metric with its interval, <metric>_low and <metric>_high, as
        fractions.
    metrics : sequence of str
        A panel for each; keys of `labels.MEASURES`.
    rank : str
        The metric that decides which model is best.
    chance : mapping of str to float
        What guessing scores in each metric.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    needed = ["model", *(name + end for name in metrics for end in ("", "_low", "_high"))]
    require_columns(table, needed, source="scores")
    ordered = table.sort_values([rank, "model"], ascending=[True, False])  # the first place is drawn at the top
    colours = style.model_colours(ordered["model"])
    places = range(len(ordered))
    with style.drawing():
        figure = Figure(figsize=(9, 1.1 + 0.42 * len(ordered)))
        axes = figure.subplots(1, len(metrics), sharey=True)
        for ax, metric in zip(axes, metrics, strict=True):
            end = min(1.0, _ROOM * max(table[f"{metric}_high"].max(), chance[metric]))
            digits = 2 if end > _FINE else 3
            ax.axvline(chance[metric], color=style.GREY, linestyle=":", linewidth=1.2)
            ax.text(
                chance[metric] + 0.01 * end, len(ordered) - 0.45, "chance", color=style.GREY, fontsize=8, va="center"
            )
            for place, row in zip(places, ordered.to_dict("records"), strict=True):
                colour, value = colours[row["model"]], row[metric]
                ax.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [place, place], color=colour, linewidth=5,
                        alpha=0.35, solid_capstyle="butt")  # fmt: skip
                ax.plot(value, place, "o", color=colour, markersize=8)
                ax.annotate(f"{value:.{digits}f}", (value, place), (0, 7), textcoords="offset points", ha="center",
                            fontsize=8, bbox=_PAPER)  # fmt: skip
            ax.set_xlim(0, end)
            ax.set_ylim(-0.6, len(ordered) - 0.1)
            ax.set_xlabel(f"{MEASURES[metric]}, bar: 95 % interval")
            ax.grid(visible=False, axis="y")
        axes[0].set_yticks(places, ordered["model"], fontsize=9)
        for ax in axes:
            ax.tick_params(axis="y", length=0)
    return figure
