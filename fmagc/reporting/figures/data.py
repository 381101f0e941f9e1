"""Figures of the data: a clip of each genre, the number of tracks, and the rejected ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from fmagc.errors import DataError
from fmagc.reporting.figures import style
from fmagc.reporting.labels import SETS
from fmagc.tasks.task import labels_of

__all__ = ["class_balance", "rejected", "spectrogram_grid", "waveform_grid"]

Array = npt.NDArray[np.floating]

_ENVELOPE_BINS = 1500  # about one a pixel: more would only be drawn over each other
_TICKS_HZ = (64, 512, 1024, 2048, 4096, 8192, 16384)  # 128 and 256 would overlap: the mel scale is linear down there
_TITLE = 3.3  # inches that a genre's name takes at most above its clip
_BARS = 40  # genres at most that have bars: more would make a figure of many pages
_POINTS: Mapping[str, Mapping[str, Any]] = {
    "train": {"marker": "o", "markersize": 4.5},
    "val": {"marker": "s", "markersize": 6.5, "markerfacecolor": "none"},
    "test": {"marker": "D", "markersize": 3.5},
}
_LEVELS = 32  # of colour, 2.5 dB each where top_db is 80: no eye sees more, and the file is a third as large


def waveform_grid(clips: Mapping[str, Array], *, sr: int) -> Figure:
    """Draw a clip of each genre, all on the same axes.

    Parameters
    ----------
    clips : mapping of str to np.ndarray [shape=(n_samples,), float32]
        Genre to mono signal.
    sr : int [Hz]
    """
    with style.drawing():
        figure, axes = _grid(clips, height=1.5)
        for ax, (genre, y) in zip(axes, clips.items(), strict=True):
            _envelope(ax, y, sr=sr)
            ax.set_title(style.shortened(genre, inches=_TITLE, size=10))
        peak = max(1.0, *(float(np.abs(y).max()) for y in clips.values()))  # an MP3 may decode to more than 1
        axes[0].set_ylim(-1.05 * peak, 1.05 * peak)
        figure.supxlabel("time (s)", fontsize=9)
        figure.supylabel("amplitude (full scale is 1)", fontsize=9)
    return figure


def spectrogram_grid(
    clips: Mapping[str, Array], *, sr: int, hop_length: int, fmin: float, fmax: float, top_db: float
) -> Figure:
    """Draw the log-mel spectrogram of a clip of each genre, Hz over seconds, with one colour bar in dB.

    Parameters
    ----------
    clips : mapping of str to np.ndarray [shape=(n_mels, n_frames), float32, dB]
        Relative to the track's maximum.
    sr, hop_length : int
        Rate (Hz) and hop (samples) that the spectrograms were made with.
    fmin, fmax : float [Hz]
        Edges of the mel bank.
    top_db : float [dB]
        Depth of the colour scale.
    """
    cmap = colormaps["magma"].resampled(_LEVELS)
    with style.drawing():
        figure, axes = _grid(clips, height=1.9)
        for ax, (genre, S_db) in zip(axes, clips.items(), strict=True):
            n_mels, n_frames = S_db.shape
            image = ax.imshow(
                S_db, origin="lower", aspect="auto", cmap=cmap, vmin=-top_db, vmax=0, interpolation="nearest",
                extent=(0, n_frames * hop_length / sr, -0.5, n_mels - 0.5),
            )  # fmt: skip
            # The bands' centres; the two outermost frequencies of mel_frequencies are the bank's edges.
            centres = librosa.mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax)[1:-1]
            hertz = [f for f in _TICKS_HZ if centres[0] <= f <= centres[-1]]
            ax.set_yticks(np.interp(hertz, centres, np.arange(n_mels)), [str(f) for f in hertz])
            ax.grid(visible=False)
            ax.set_title(style.shortened(genre, inches=_TITLE, size=10))
        figure.supxlabel("time (s)", fontsize=9)
        figure.supylabel("frequency (Hz, mel scale)", fontsize=9)
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=35, format="%.0f dB")
        bar.set_label("level relative to the track's maximum")
    return figure


def class_balance(splits: pd.DataFrame) -> Figure:
    """Draw the number of tracks of each genre in training, validation and test.

    Bars show a few genres in their order. Many are ranked by size on a logarithmic axis, where a genre of one track and
    one of ten thousand are both read.

    Parameters
    ----------
    splits : pd.DataFrame
        As `corpus.index.read_split` gives it, of the tracks that were decoded.
    """
    counts = labels_of(splits).crosstab(splits, "set").reindex(list(SETS), fill_value=0).T.iloc[::-1]
    in_sets = splits["set"].value_counts()
    legend = {name: f"{label} ({in_sets.get(name, 0):,})" for name, label in SETS.items()}
    with style.drawing():
        few = len(counts) <= _BARS
        figure = Figure(figsize=(8, 1.3 + (0.32 if few else 0.165) * len(counts)))
        ax = figure.subplots()
        counts = counts if few else counts.iloc[np.argsort(counts["train"].to_numpy(), kind="stable")]
        (_set_bars if few else _set_points)(ax, counts, legend)
        names = [style.shortened(genre, inches=style.NAME_INCHES, size=8) for genre in counts.index]
        ax.set_yticks(range(len(counts)), names)
        ax.set_xlabel("tracks")
        ax.tick_params(axis="y", length=0)
        figure.legend(loc="outside upper center", ncols=3)
    return figure


def rejected(counts: Mapping[str, int], *, requested: int) -> Figure:
    """Draw the number of rejected tracks, by reason.

    Parameters
    ----------
    counts : mapping of str to int
        Reason to number of tracks; reasons without a track may be absent or zero.
    requested : int
        Number of requested tracks.
    """
    found = sorted(((n, reason) for reason, n in counts.items() if n), key=lambda pair: (pair[0], pair[1]))
    total = sum(n for n, _ in found)
    with style.drawing():
        figure = Figure(figsize=(8, 0.5 if not found else 1.1 + 0.36 * len(found)))
        ax = figure.subplots()
        if not found:
            ax.axis("off")
            ax.text(0, 0.5, f"All {requested:,} requested tracks were accepted.", va="center", fontsize=10)
            return figure
        ax.set_title(f"{total:,} of {requested:,} tracks rejected")
        bars = ax.barh([reason.replace("_", " ") for _, reason in found], [n for n, _ in found], color=style.GREY)
        ax.bar_label(bars, fmt="{:,.0f}", padding=4, fontsize=8)
        ax.set_xlabel("tracks")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(visible=False, axis="y")
        ax.tick_params(axis="y", length=0)
        ax.margins(x=0.08)
    return figure


def _grid(clips: Mapping[str, Array], *, height: float) -> tuple[Figure, Sequence[Axes]]:
    """Return a figure of two columns and an axes for each clip, sharing both axes."""
    if not clips:
        raise DataError("clips: expected one for each genre, found none: the corpus has no accepted track")
    n_columns = min(2, len(clips))
    n_rows = -(-len(clips) // n_columns)
    figure = Figure(figsize=(10, 0.6 + height * n_rows))
    axes = list(figure.subplots(n_rows, n_columns, sharex=True, sharey=True, squeeze=False).flat)
    for ax in axes[len(clips) :]:
        ax.axis("off")
    for ax in axes[max(0, len(clips) - n_columns) : len(clips)]:
        ax.tick_params(labelbottom=True)  # also where the place below is empty
    return figure, axes[: len(clips)]


def _set_bars(ax: Axes, counts: pd.DataFrame, legend: Mapping[str, str]) -> None:
    """Stack the tracks of the sets of each genre (rows of `counts`, from the bottom), and write their sum."""
    start = np.zeros(len(counts), dtype=int)
    for name, label in legend.items():
        width = counts[name].to_numpy()
        ax.barh(range(len(counts)), width, left=start, color=style.SET_COLOURS[name], height=0.7, label=label)
        start = start + width
    for place, total in enumerate(start):
        ax.annotate(f"{total:,}", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    ax.grid(visible=False, axis="y")
    ax.margins(x=0.07)


def _set_points(ax: Axes, counts: pd.DataFrame, legend: Mapping[str, str]) -> None:
    """Put a point for each set on the row of each genre (rows of `counts`, from the bottom)."""
    for name, look in _POINTS.items():  # a ring and what lies in it are both seen
        colour = style.SET_COLOURS[name]
        ax.plot(counts[name], range(len(counts)), color=colour, linestyle="none", label=legend[name], **look)
    ax.set_xscale("symlog", linthresh=1, linscale=0.4)  # linear from 0 to 1: a set may have no track of a genre
    ax.set_xlim(left=-0.15)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.tick_params(axis="x", top=True, labeltop=True)
    ax.set_ylim(-1, len(counts))
    ax.tick_params(axis="y", labelsize=7)


def _envelope(ax: Axes, y: Array, *, sr: int) -> None:
    """Fill between the extremes of y in each of many short segments: peaks stay true at any length."""
    segments = np.array_split(y, min(_ENVELOPE_BINS, len(y)))
    time = np.cumsum([0, *(len(segment) for segment in segments[:-1])]) / sr
    low, high = [segment.min() for segment in segments], [segment.max() for segment in segments]
    ax.fill_between(time, low, high, color="#0072B2", linewidth=0.4, rasterized=True)
    ax.set_xlim(0, len(y) / sr)
