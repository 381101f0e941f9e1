"""Pictures and tables of a page."""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from fmagc.errors import DataError
from fmagc.paths import PLOTS, VECTOR

__all__ = ["Picture", "Table", "picture"]

_BY_POINT = 96 / 72  # of CSS: pixels
_SIZE = re.compile(r'<svg [^>]*?width="([\d.]+)pt" height="([\d.]+)pt"', re.DOTALL)


@dataclass(frozen=True)
class Picture:
    """An image inside the page: a data URI, its size in CSS pixels, a description, and a caption."""

    source: str
    width: int
    height: int
    alt: str
    caption: str


@dataclass(frozen=True)
class Table:
    """Rows of text; the last `numbers` columns are aligned to the right."""

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: int


def picture(name: str, *, alt: str, caption: str) -> Picture:
    """Embed a figure of plots/ in the page: its SVG, or its PNG where the SVG contains pixels.

    Parameters
    ----------
    name : str
        Path below plots/, without its suffix.
    alt : str
        Description for readers who cannot see it.
    caption : str
        Text below it.

    Raises
    ------
    DataError
        When the figure is missing.
    """
    vector, pixels = (VECTOR / name).with_suffix(".svg"), (PLOTS / name).with_suffix(".png")
    try:
        svg = vector.read_text(encoding="utf-8")
        if "data:image" in svg:
            data, kind = pixels.read_bytes(), "png"
            with Image.open(pixels) as image:
                width, height = image.size
        else:
            kind = "svg+xml"
            data = svg[svg.index("<svg ") :].encode()
            width, height = (round(float(points) * _BY_POINT) for points in _found(svg, vector))
    except FileNotFoundError as error:
        raise DataError(f"{error.filename}: expected a figure, found no file: run `dvc repro`") from None
    return Picture(f"data:image/{kind};base64,{base64.b64encode(data).decode()}", width, height, alt, caption)


def _found(svg: str, path: Path) -> tuple[str, str]:
    size = _SIZE.search(svg)
    if size is None:
        raise DataError(f"{path}: expected an SVG with its size in points, found none: run `dvc repro`")
    return size[1], size[2]
