"""Scores of all models and baselines with their 95 % intervals."""

import pandas as pd
from matplotlib.figure import Figure

from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns

__all__ = ["interval_bars"]

_METRICS = {"accuracy": "accuracy", "macro_f1": "macro F1"}


def interval_bars(table: pd.DataFrame, *, chance: float) -> Figure:
    """Draw accuracy and macro F1 of each model as a dot with its 95 % interval, best first.

    Parameters
    ----------
    table : pd.DataFrame
        A row for each model or baseline: model, accuracy, accuracy_low, accuracy_high, macro_f1, macro_f1_low,
        macro_f1_high, all as fractions.
    chance : float
        What guessing scores, a fraction: 1 / K for K genres of equal size.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    needed = ["model", *(name + end for name in _METRICS for end in ("", "_low", "_high"))]
    require_columns(table, needed, source="scores")
    ordered = table.sort_values(["macro_f1", "model"], ascending=[True, False])  # the first place is drawn at the top
    colours = style.model_colours(ordered["model"])
    places = range(len(ordered))
    with style.drawing():
        figure = Figure(figsize=(9, 1.1 + 0.42 * len(ordered)))
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (metric, label) in zip(axes, _METRICS.items(), strict=True):
            ax.axvline(chance, color=style.GREY, linestyle=":", linewidth=1.2)
            ax.text(chance + 0.01, len(ordered) - 0.45, "chance", color=style.GREY, fontsize=8, va="center")
            for place, row in zip(places, ordered.to_dict("records"), strict=True):
                colour, value = colours[row["model"]], row[metric]
                ax.plot([row[f"{metric}_low"], row[f"{metric}_high"]], [place, place], color=colour, linewidth=5,
                        alpha=0.35, solid_capstyle="butt")  # fmt: skip
                ax.plot(value, place, "o", color=colour, markersize=8)
                ax.annotate(f"{value:.2f}", (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=8,
                            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none"})  # fmt: skip
            ax.set_xlim(0, 1)
            ax.set_ylim(-0.6, len(ordered) - 0.1)
            ax.set_xlabel(f"{label}, bar: 95 % interval")
            ax.grid(visible=False, axis="y")
        axes[0].set_yticks(places, ordered["model"], fontsize=9)
        axes[0].tick_params(axis="y", length=0)
        axes[1].tick_params(axis="y", length=0)
    return figure
