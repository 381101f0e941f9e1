"""Tables and free text for Markdown pages."""

import html
import re
from collections.abc import Iterable, Sequence

__all__ = ["escaped", "table"]

_MARKS = re.compile(r"([\\`*_{}\[\]#|~])")


def escaped(text: str) -> str:
    """Make text of unknown origin show as it is, on one line: no mark-up, no link, no cell border, no HTML."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: int) -> str:
    """Lay out a table whose last `numbers` columns are aligned to the right."""
    rules = ["---"] * (len(header) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rules, *rows))
