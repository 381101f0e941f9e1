"""Labels of invented genres, as tests write them down."""

from collections.abc import Iterable, Sequence

import pandas as pd

from fmagc.corpus.fma.genres import ROOT, Genre, GenreTree
from fmagc.tasks.labels import Labels
from fmagc.tasks.task import TASKS


def single(genres: Iterable[str]) -> Labels:
    """Make the labels of tracks of one genre each."""
    return TASKS["single"].labels_from(genres)


def multi(texts: Iterable[str], *, genres: Sequence[str] | None = None) -> Labels:
    """Make the labels of tracks of several genres, such as ``Punk;Rock``."""
    return TASKS["multi"].labels_from(texts, genres=genres)


def flat(genres: Iterable[str]) -> pd.DataFrame:
    """Write the table of genres of which none lies above another."""
    titles = list(genres)
    return GenreTree(Genre(number, ROOT, title) for number, title in enumerate(titles, 1)).table(titles)
