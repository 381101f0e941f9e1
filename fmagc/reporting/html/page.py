"""Render plots/report.html, one page in one file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

__all__ = ["BASE_STYLE", "render"]

_TEMPLATES = Path(__file__).parent
BASE_STYLE = _TEMPLATES / "base.css"  # of the page of an exported model too


def render(content: Mapping[str, Any]) -> str:
    """Fill the template `page.html.j2` with the content that `content.gather` returns."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.j2").render(content)
