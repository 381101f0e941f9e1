"""Format tables and free text for Markdown pages."""

import html
import re
from collections.abc import Iterable, Sequence

__all__ = ["FOLDED", "UNFOLDED", "escaped", "folded", "table"]

FOLDED = re.compile(r"<details><summary>([^<>]*)</summary>")  # what `folded` puts above a text
UNFOLDED = "</details>"  # and below it
_MARKS = re.compile(r"([\\`*_{}\[\]#|~$])")


def escaped(text: str) -> str:
    """Escape text of unknown origin: it shows as it is, on one line, without mark-up, formulas, links or HTML."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """Lay out a table whose last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *rows))


def folded(summary: str, text: str) -> str:
    """Fold text below a summary that opens it, plain words: the only HTML of a page."""
    return f"<details><summary>{summary}</summary>\n\n{text}\n\n{UNFOLDED}"
