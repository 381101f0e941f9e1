"""F1 of every model by genre."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from fmagc.errors import DataError
from fmagc.reporting.figures import style

__all__ = ["genre_scores"]


def genre_scores(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> Figure:
    """Draw a row for each genre and a marker for each model; the genre that models find best comes first.

    Parameters
    ----------
    tables : mapping of str to sequence of mappings
        Model to its `evaluation.error_analysis.genre_table`; the keys ``genre``, ``support`` and ``f1`` are read.

    Raises
    ------
    DataError
        When there is no model.
    """
    if not tables:
        raise DataError("scores by genre: expected at least one model, found none: evaluate a model first")
    scores = {model: {row["genre"]: row["f1"] for row in rows} for model, rows in tables.items()}
    support = {row["genre"]: row["support"] for row in next(iter(tables.values()))}
    genres = sorted(support, key=lambda genre: (-sum(own[genre] for own in scores.values()), genre))
    looks, offsets = style.model_looks(tables), style.model_offsets(tables)
    with style.drawing():
        figure = Figure(figsize=(9, 1.2 + 0.11 * len(genres) * (len(scores) + 1)))
        ax = figure.subplots()
        for model, own in scores.items():
            ax.plot(
                [own[genre] for genre in genres],
                [place + offsets[model] for place in range(len(genres))],
                **looks[model],
                clip_on=False,
            )
        for place in range(1, len(genres)):
            ax.axhline(place - 0.5, color="#e6e6e6", linewidth=0.8)
        ax.set_xlim(0, 1)
        ax.set_ylim(len(genres) - 0.5, -0.5)
        ax.set_yticks(range(len(genres)), [_labelled(genre, support[genre]) for genre in genres])
        ax.set_ylabel("genre (test tracks)")
        ax.set_xlabel("F1")
        ax.tick_params(axis="y", length=0, pad=8)
        ax.grid(visible=False, axis="y")
        handles = [
            Line2D([], [], color=look["color"], marker=look["marker"], linestyle="none", markersize=6.5, label=model)
            for model, look in ((model, looks[model]) for model in scores)
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _labelled(genre: str, support: int) -> str:
    return style.shortened(genre, f" ({support:,})", inches=style.NAME_INCHES, size=8)
