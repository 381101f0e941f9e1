"""A metric of every model by the number of tracks that it was trained on."""

from itertools import pairwise

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns
from fmagc.reporting.labels import MEASURES

__all__ = ["share_curves"]

_DODGE = 0.3  # of the distance between the two nearest sizes: the width over which the models of one size are spread


def share_curves(table: pd.DataFrame, metric: str) -> Figure:
    """Draw a line for each model over the training tracks, on a logarithmic axis, with its 95 % intervals.

    The models of one size stand beside each other, in the order of the legend, so that their intervals do not hide one
    another.

    Parameters
    ----------
    table : pd.DataFrame
        As `evaluation.share_curve.ShareCurve.table`.
    metric : str
        A key of `labels.MEASURES`.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    low, high = f"{metric}_low", f"{metric}_high"
    require_columns(table, ["tracks", "model", metric, low, high], source="shares")
    last = table[table["tracks"] == table["tracks"].max()].sort_values([metric, "model"], ascending=[False, True])
    models, sizes = last["model"].tolist(), sorted(set(table["tracks"]))
    looks = style.model_looks(models)
    nearest = min((large / small for small, large in pairwise(sizes)), default=2.0)
    with style.drawing():
        figure = Figure(figsize=(9, 5))
        ax = figure.subplots()
        for model, offset in style.model_offsets(models).items():
            own = table[table["model"] == model].sort_values("tracks")
            places = own["tracks"] * nearest ** (_DODGE * offset)
            colour = looks[model]["color"]
            ax.vlines(places, own[low], own[high], color=colour, linewidth=3, alpha=0.35)
            ax.plot(places, own[metric], **looks[model] | {"linestyle": "-", "linewidth": 1.6}, label=model)
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{tracks:,}" for tracks in sizes])
        ax.xaxis.set_minor_locator(NullLocator())
        ax.set_xlabel("training tracks")
        ax.set_ylabel(f"{MEASURES[metric]} of the test tracks, bar: 95 % interval")
        ax.set_ylim(0, min(1.0, 1.05 * table[high].max()))
        figure.legend(loc="outside right center", title="whole set, best first", labelspacing=0.9, alignment="left")
    return figure
