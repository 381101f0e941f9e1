"""Format numbers, names and settings for sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["capitalised", "counted", "listed", "setting", "with_article"]


def capitalised(words: str) -> str:
    """Begin with a capital letter, and leave the others as they are."""
    return f"{words[:1].upper()}{words[1:]}"


def counted(n: int, word: str) -> str:
    """Format a count with its noun: 1 seed, 2 seeds."""
    return f"{n:,} {word}{'' if n == 1 else 's'}"


def listed(names: Iterable[str]) -> str:
    """Join names: a; a and b; a, b and c."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def with_article(noun: str) -> str:
    """Put a or an before a noun."""
    return f"a{'n' if noun[:1] in 'aeiou' else ''} {noun}"


def setting(value: Any) -> str:
    """Format a setting, or a block of them, on one line; empty ones are left out."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {setting(inner)}" for key, inner in value.items() if inner not in ([], {}))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "/".join(str(inner["name"]) if isinstance(inner, Mapping) else setting(inner) for inner in value)
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
