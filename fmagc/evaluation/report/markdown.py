"""From the Markdown that the project writes to HTML: the page says the same words as the files do."""

from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

__all__ = ["html_of", "sections_of"]

_SCROLLED = '<div class="scroll" tabindex="0" role="region" aria-label="table">'


def html_of(markdown: str, *, level: int) -> Markup:
    """Render Markdown without raw HTML; tables scroll in a box of their own.

    Parameters
    ----------
    markdown : str
    level : int
        Of the heading that `#` becomes.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
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


def _table_open(renderer: Any, tokens: Sequence[Token], *_: Any) -> str:
    return f"{_SCROLLED}<table>\n"


def _table_close(renderer: Any, tokens: Sequence[Token], *_: Any) -> str:
    return "</table></div>\n"
