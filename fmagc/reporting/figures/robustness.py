"""Robustness of networks: predictions that change with the music, divergences, and errors of encoders after a shift."""

import textwrap
from collections.abc import Iterable
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from fmagc.reporting.figures import style
from fmagc.reporting.figures.tables import require_columns
from fmagc.reporting.text import counted

__all__ = ["LABELS", "encoder_shifts", "prediction_changes"]

_MEASURES = {"flipped": "fraction of predictions that changed", "kl": "mean divergence from the clean clip's (nats)"}
LABELS = {
    "time_shift_s": "time shift, {:g} s",
    "gain_db": "gain, {:+g} dB",
    "noise_snr_db": "white noise, SNR {:g} dB",
    "time_stretch_rate": "time stretch, tempo x {:g}",
    "pitch_shift_semitones": "pitch shift, semitones {:+g}",
    "low_pass_hz": "low-pass, {:g} Hz",
    "mp3_kbps": "MP3, {:g} kbit/s",
}
_VIEWS = {"waveform": "encoders of the waveform", "mel": "encoders of the spectrogram"}
_ERRORS: dict[str, tuple[Literal["-", ":"], str]] = {
    "equivariance": ("-", "equivariance:\nf(gx) against g'f(x)"),
    "invariance": (":", "invariance:\nf(gx) against f(x)"),
}
_LEFT_OUT = "not measured"
_LINEAR_NATS = 0.01  # the scale of divergences is linear up to here, so that it has a zero, and logarithmic beyond
_INK = "#333333"
_CHARACTERS = 18  # of a caption, in an inch


def prediction_changes(table: pd.DataFrame) -> Figure:
    """Draw a row for each transformation and strength, a marker for each model.

    Parameters
    ----------
    table : pd.DataFrame
        The predictions of `robustness.experiment.run_experiment`; the mean over seeds is drawn, and a row without
        tracks has its name alone.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    means = _means(table, by=["transform", "strength"], measures=list(_MEASURES))
    rows = list(means[["transform", "strength"]].drop_duplicates().itertuples(index=False, name=None))
    looks = style.model_looks(means["model"])
    offsets = style.model_offsets(looks)
    with style.drawing():
        figure = Figure(figsize=(9, 1.4 + 0.5 * len(rows)))
        axes = figure.subplots(1, 2, sharey=True)
        for ax, (measure, label) in zip(axes, _MEASURES.items(), strict=True):
            for place, (transform, strength) in enumerate(rows):
                if place and transform != rows[place - 1][0]:
                    ax.axhline(place - 0.5, color="#c8c8c8", linewidth=0.8)
                here = means[(means["transform"] == transform) & (means["strength"] == strength)]
                if here[measure].isna().all():
                    ax.text(0.02, place, _LEFT_OUT, transform=ax.get_yaxis_transform(), va="center", color=style.SOFT)
                for model, value in here[["model", measure]].dropna().itertuples(index=False, name=None):
                    ax.plot(value, place + offsets[model], **looks[model], clip_on=False)
            ax.set_xlabel(label)
            ax.tick_params(axis="y", length=0, pad=8)
            ax.grid(visible=False, axis="y")
        axes[0].set_xlim(0, 1)
        axes[1].set_xscale("symlog", linthresh=_LINEAR_NATS, linscale=0.5)
        axes[1].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes[1].set_xlim(0, max(1, 1.1 * means["kl"].max()))
        axes[0].set_ylim(len(rows) - 0.5, -0.5)
        axes[0].set_yticks(range(len(rows)), [LABELS[transform].format(strength) for transform, strength in rows])
        handles = [Line2D([], [], **look, label=model) for model, look in looks.items()]
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        n_tracks = table["tracks"].max()
        share = [f"the middle clip of {_counted(table)}", f"one clip is {1 / n_tracks:.2g} of all"] if n_tracks else []
        _caption(figure, [*share, *_gaps(table)])
    return figure


def encoder_shifts(table: pd.DataFrame) -> Figure:
    """Draw the relative errors of encoders over the shift: a panel for each view, solid lines for equivariance.

    Parameters
    ----------
    table : pd.DataFrame
        The errors of `robustness.experiment.run_experiment`; the mean over seeds is drawn, and what has no tracks is
        named.

    Raises
    ------
    DataError
        When a column is missing or there are no rows.
    """
    means = _means(table, by=["view", "steps"], measures=list(_ERRORS)).sort_values("steps")
    looks = style.model_looks(means["model"])
    views = [view for view in _VIEWS if view in set(means["view"])]
    with style.drawing():
        figure = Figure(figsize=(2.3 + 3.6 * len(views), 3.6))
        axes = figure.subplots(1, len(views), sharey=True, squeeze=False)[0]
        for ax, view in zip(axes, views, strict=True):
            _shifts(ax, means[means["view"] == view], looks)
            ax.set_title(_VIEWS[view])
            ax.set_xlabel("shift (steps of the encoder's output)")
        axes[0].set_ylabel("relative error")
        axes[0].set_ylim(bottom=0)
        handles = [Line2D([], [], **look, label=model) for model, look in looks.items()]
        handles += [Line2D([], [], color=_INK, linestyle=dash, label=label) for dash, label in _ERRORS.values()]
        figure.legend(handles=handles, loc="outside right center", labelspacing=0.9)
        _caption(
            figure,
            [
                "f: encoder",
                "g: the clip starts so much later in its track",
                "g': the output moved by as many steps, half a step as the mean of two",
                *([_counted(table)] if table["tracks"].any() else []),
                *_gaps(table),
            ],
        )
    return figure


def _shifts(ax: Axes, means: pd.DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    for model, rows in means.groupby("model"):
        for error, (dash, _) in _ERRORS.items():
            ax.plot(rows["steps"], rows[error], **looks[str(model)] | {"linestyle": dash}, clip_on=False)
    for steps in means.loc[means["equivariance"].isna(), "steps"].unique():
        place: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "ha": "center", "rotation": "vertical"}
        ax.text(steps, 0.03, _LEFT_OUT, **place, color=style.SOFT)
    ax.set_xticks(sorted(set(means["steps"])))


def _counted(table: pd.DataFrame) -> str:
    n_seeds = table["seed"].nunique()
    means = f", means over {n_seeds} seeds" if n_seeds > 1 else ""
    return counted(int(table["tracks"].max()), "test track") + means


def _gaps(table: pd.DataFrame) -> list[str]:
    return ["most test tracks are too short for what is not measured"] if (table["tracks"] == 0).any() else []


def _caption(figure: Figure, parts: Iterable[str]) -> None:
    width = int(_CHARACTERS * figure.get_figwidth())
    figure.supxlabel(textwrap.fill("; ".join(parts), width=width), fontsize=8, color=_INK)


def _means(table: pd.DataFrame, *, by: list[str], measures: list[str]) -> pd.DataFrame:
    """Average the measures of each model over its seeds, in the order in which rows came first."""
    require_columns(table, ["model", "seed", *by, "tracks", *measures], source="robustness")
    return table.groupby([*by, "model"], sort=False)[measures].mean().reset_index()
