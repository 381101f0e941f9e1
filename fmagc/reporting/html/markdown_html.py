"""Convert the Markdown files of the project to HTML, so that the page has the same text as the files."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

__all__ = ["html_of", "sections_of"]


class _Renderer(RendererHTML):
    """Render tables and code in boxes that scroll by themselves where they are wider than the page."""

    def table_open(self, tokens: Sequence[Token], *_: Any) -> str:
        return f"{_box('table')}<table>\n"

    def table_close(self, tokens: Sequence[Token], *_: Any) -> str:
        return "</table></div>\n"

    def fence(self, *args: Any) -> str:
        return f"{_box('code')}{super().fence(*args)}</div>\n"


def html_of(markdown: str, *, level: int) -> Markup:
    """Render Markdown without raw HTML; tables and fenced code scroll by themselves.

    Parameters
    ----------
    markdown : str
        CommonMark with tables.
    level : int
        Level of the HTML heading that `#` becomes.
    """
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, level + int(token.tag[1]) - 1)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 raw HTML is off


def sections_of(markdown: str) -> dict[str, str]:
    """Split a page at its second-level headings; the text before the first one has the name ``""``."""
    sections = {"": ""}
    name = ""
    for line in markdown.splitlines():
        if line.startswith("## "):
            name = line.removeprefix("## ")
            sections[name] = ""
        else:
            sections[name] += f"{line}\n"
    return sections


def _box(name: str) -> str:
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">'
