"""Compile functions, and keep the result next to their source for the next process."""

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compile a function at its first call, as `numba.njit` does with these options.

    Where neither the folder of the source nor the user's cache can be written, as in a container that is read-only,
    every process compiles for itself and those that it forks.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        try:
            kept: Callable[..., Any] = numba.njit(cache=True, **options)(function)
        except RuntimeError:  # numba found no folder
            kept = numba.njit(**options)(function)
        return kept

    return decorate
