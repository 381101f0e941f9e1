"""The style of all figures, and how they are saved: a colour for each model, the same bytes for the same content."""

import io
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import style as mpl_style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from PIL import Image

from fmagc.paths import PLOTS, VECTOR
from fmagc.runtime import files

__all__ = [
    "GREY",
    "NAME_INCHES",
    "PALETTE",
    "SET_COLOURS",
    "drawing",
    "model_colours",
    "model_looks",
    "model_markers",
    "model_offsets",
    "save_figure",
    "save_png",
    "shortened",
]

# Okabe and Ito's palette, distinguishable without full colour vision (https://jfly.uni-koeln.de/color/).
# The baselines are greys.
_MODELS = {"cnn1d": "#0072B2", "cnn2d": "#E69F00", "crnn": "#009E73", "mmcrnn": "#CC79A7"}
_MODELS |= {"resnet": "#D55E00", "attention_cnn": "#56B4E9"}
_MODELS |= {"svm_mfcc": "#7F7F7F", "logreg_mel": "#4D4D4D", "majority": "#B3B3B3"}
_OTHERS = ("#F0E442", "#000000")
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442")
_MARKERS = {"cnn1d": "o", "cnn2d": "s", "crnn": "^", "mmcrnn": "D", "resnet": "v", "attention_cnn": "P"}
_MARKERS |= {"svm_mfcc": "X", "logreg_mel": "*", "majority": "p"}
_OTHER_MARKERS = ("h", "<", ">")
SET_COLOURS = {"train": "#0072B2", "val": "#56B4E9", "test": "#E69F00"}
GREY = "#7F7F7F"
NAME_INCHES = 2.2  # that the name of a genre takes at most beside an axis
INK, SOFT = "#1a1a1a", "#55606b"  # of text in a picture, and of what stands back

_POINTS = 72  # of an inch
_SPREAD = 0.9  # of the height of a row that the models share
_DPI = 120  # of the saved file, and of what is a picture inside an SVG
_RC = {
    "font.family": "sans-serif",
    # The first comes with matplotlib, so that no font of the machine changes a figure; the second is as wide, for
    # readers of an SVG, whose text stays text.
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": 9,
    "text.parse_math": False,  # a genre may have dollars in its name
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.08,
    "figure.constrained_layout.h_pad": 0.08,
    "svg.fonttype": "none",
    "svg.hashsalt": "fmagc",  # the same names for the same parts
}


def model_colours(models: Iterable[str]) -> dict[str, str]:
    """Return a colour for each model and baseline: fixed for those of the project, from a cycle for others."""
    return _assigned(models, known=_MODELS, cycle=_OTHERS)


def model_markers(models: Iterable[str]) -> dict[str, str]:
    """Return a marker for each model and baseline, as `model_colours` does a colour: for readers who see no colours."""
    return _assigned(models, known=_MARKERS, cycle=_OTHER_MARKERS)


def model_looks(models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the keyword arguments of the points of each model."""
    colours, markers = model_colours(models), model_markers(models)
    return {
        model: {
            "color": colour,
            "marker": markers[model],
            "linestyle": "none",
            "markersize": 6.5,
            "markeredgecolor": "white",
            "markeredgewidth": 0.6,
        }
        for model, colour in colours.items()
    }


def model_offsets(models: Collection[str]) -> dict[str, float]:
    """Spread the points of models over the height of a row, which is 1, around 0."""
    return {model: _SPREAD * ((place + 0.5) / len(models) - 0.5) for place, model in enumerate(models)}


def _assigned(models: Iterable[str], *, known: dict[str, str], cycle: tuple[str, ...]) -> dict[str, str]:
    names = sorted(set(models))
    others = [name for name in names if name not in known]
    return {name: known.get(name) or cycle[others.index(name) % len(cycle)] for name in names}


def shortened(name: str, end: str = "", *, inches: float, size: float, weight: str = "normal") -> str:
    """Shorten a name until it fits into a width together with the text at its end.

    Parameters
    ----------
    name, end : str
    inches : float
    size : float [points]
        Of the letters; their font is that of `drawing`.
    weight : str
        ``normal`` or ``bold``.
    """
    font = FontProperties(size=size, weight=weight)
    kept = len(name)
    text = f"{name}{end}"
    while kept > 1 and text_to_path.get_text_width_height_descent(text, font, False)[0] > inches * _POINTS:
        kept -= 1
        text = f"{name[:kept].rstrip()}…{end}"
    return text


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the project's style, whatever matplotlibrc the machine has."""
    with mpl_style.context(["default", _RC]):
        yield


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically and with no date or version in it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside `drawing`.
    path : Path
        Of the file; its folder is made where it is missing.
    """
    files.write_bytes(path, _of_few_colours(_drawn(figure, "png")))


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure of the project as PNG, and as SVG with the same name below plots/vector.

    `dvc plots show` shows every picture of a folder, so that the two kinds are kept apart.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Drawn inside `drawing`.
    path : Path
        Of the PNG, below plots/.
    """
    save_png(figure, path)
    vector = VECTOR / path.relative_to(PLOTS).with_suffix(".svg")
    files.write_bytes(vector, _drawn(figure, "svg", Date=None, Creator=None, Format=None, Type=None).getvalue())


def _drawn(figure: Figure, form: str, **metadata: None) -> io.BytesIO:
    image = io.BytesIO()
    with drawing():
        FigureCanvasAgg(figure)
        figure.savefig(image, format=form, dpi=_DPI, metadata=metadata)
    return image


def _of_few_colours(png: io.BytesIO) -> bytes:
    """Give an image 256 colours, without dither: the eye sees no difference, and the file is a third as large."""
    small = io.BytesIO()
    with Image.open(png) as image:
        image.convert("RGB").quantize(dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
    return small.getvalue()
