"""Convert the Markdown files of the project to HTML, so that the page has the same text as the files."""

import html
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from fmagc.reporting.markdown import FOLDED, UNFOLDED

__all__ = ["html_of", "sections_of"]


class _Renderer(RendererHTML):
    """Render tables and code in boxes that scroll by themselves where they are wider than the page, and folded text."""

    def table_open(self, tokens: Sequence[Token], *_: Any) -> str:
        return f"{_box('table')}<table>\n"

    def table_close(self, tokens: Sequence[Token], *_: Any) -> str:
        return "</table></div>\n"

    def folded(self, tokens: Sequence[Token], place: int, *_: Any) -> str:
        return tokens[place].content

    def fence(self, *args: Any) -> str:
        return f"{_box('code')}{super().fence(*args)}</div>\n"


def html_of(markdown: str, *, level: int) -> Markup:
    """Render Markdown without raw HTML but that of `markdown.folded`; tables and fenced code scroll by themselves.

    Parameters
    ----------
    markdown : str
        CommonMark with tables.
    level : int
        Level of the HTML heading that `#` becomes.
    """
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    tokens = _with_folds(parser.parse(markdown))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, level + int(token.tag[1]) - 1)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 raw HTML is off


def _with_folds(tokens: Sequence[Token]) -> list[Token]:
    """Put HTML in the place of paragraphs that `markdown.folded` wrote; no escaped text looks like one."""
    found: list[Token] = []
    for token in tokens:
        opened = FOLDED.fullmatch(token.content) if token.type == "inline" else None
        if token.type == "inline" and found[-1].type == "paragraph_open" and (opened or token.content == UNFOLDED):
            text = f"<details><summary>{html.escape(opened[1])}</summary>" if opened else UNFOLDED
            found[-1] = Token("folded", "", 0, content=f"{text}\n")
        elif not (found and found[-1].type == "folded" and token.type == "paragraph_close"):
            found.append(token)
    return found


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
