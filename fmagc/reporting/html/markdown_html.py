"""From the Markdown that the project writes to HTML: the page says the same words as the files do."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

__all__ = ["html_of", "sections_of"]


class _Renderer(RendererHTML):
    """What may be wider than a page scrolls in a box of its own."""

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
    level : int
        Of the heading that `#` becomes.
    """
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    tokens = parser.parse(markdown)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, level + int(token.tag[1]) - 1)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 raw HTML is off


def sections_of(markdown: str) -> dict[str, str]:
    """Take a page apart at its headings of the second level; what stands before the first has the name ``""``."""
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
