"""Rank the genres of a multi-label task by their average precision: all, and those that a page names."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

__all__ = ["LEAST_TRACKS", "GenreRanks", "rank_genres"]

LEAST_TRACKS = 10  # of a genre that is named as one of the best or the worst: with one track, luck decides


class GenreRanks(NamedTuple):
    """Rows of a table of genres, the highest average precision first.

    Attributes
    ----------
    tested : list of mappings
        Of the genres that occur among the test tracks.
    common : list of mappings
        Of those with `LEAST_TRACKS` or more.
    absent : list of str
        The genres that do not occur.
    """

    tested: list[Mapping[Any, Any]]
    common: list[Mapping[Any, Any]]
    absent: list[str]


def rank_genres(rows: Sequence[Mapping[Any, Any]]) -> GenreRanks:
    """Rank the rows of the ``genres`` of an error analysis (`evaluation.error_analysis`); equals by name."""
    tested = sorted((row for row in rows if row["support"]), key=lambda row: (-row["average_precision"], row["genre"]))
    return GenreRanks(
        tested=tested,
        common=[row for row in tested if row["support"] >= LEAST_TRACKS],
        absent=[row["genre"] for row in rows if not row["support"]],
    )
