"""The words of the page of results where a track has several genres."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from fmagc.reporting.presentation.genre_ranks import LEAST_TRACKS, rank_genres
from fmagc.reporting.presentation.page_words import CLIPS, CURVES, ROBUSTNESS, SCORES, PageWords
from fmagc.reporting.text import counted, listed

__all__ = ["MultiLabelPage"]

_BEST = "The model with the highest macro average precision."
_N_EXTREME = 3  # genres that are named as the best, and as the worst


class MultiLabelPage(PageWords):
    """Several genres for a track: average precision, ROC-AUC, and the tree of the genres."""

    aim = "predict which of {genres} genres are those of {tracks} by {artists}"
    validated = "average_precision"
    examples = "each of the commonest genres"
    timeline = "Lines of the probabilities of the most probable genres"
    ece = (
        "the mean distance between probability and frequency over bins of the probabilities of all pairs of a track "
        "and a genre, most of which are near 0"
    )
    hardest = "The tracks none of whose genres gets a high probability from the networks"
    hardest_columns = ("labels", "highest of the labels")
    hardest_text = (
        "For {all:,} of {tracks}, every network finds a genre of the track's own the most probable, and for {none:,} "
        "none does."
    )
    pictures: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "curves": {
            "alt": "Curves of loss, macro average precision, accuracy and macro F1 over the epochs, training and "
            "validation",
            "caption": CURVES,
        },
        "scores": {
            "alt": "Macro average precision and macro ROC-AUC of every model and baseline with their 95 % intervals, "
            "best first",
            "caption": SCORES,
        },
        "clips": {
            "alt": "Macro average precision and macro ROC-AUC over the seconds of music seen per track, for two "
            "rules of averaging",
            "caption": CLIPS,
        },
        "calibration": {
            "alt": "Reliability diagram of every model and baseline: frequency over probability",
            "caption": "Pairs of a track and a genre. On the dotted line, genres are as frequent as their probability "
            "says; below it, the model is overconfident.",
        },
        "genres": {
            "alt": "Average precision of each genre over the number of its training tracks, with names at those "
            "farthest from the trend",
            "caption": f"{_BEST} Average precision of each genre by its training tracks, on a logarithmic axis; a dash "
            "below a genre is what a random order of the tracks scores on average. Names are of the genres farthest "
            "from the trend.",
        },
        "tree": {
            "alt": "The tree of the genres, each with its average precision in a coloured cell and its test tracks",
            "caption": f"{_BEST} Average precision of each genre, below the genre that it belongs to.",
        },
        "false_positives": {
            "alt": "Table of the genres that are given wrongly most often, with those in whose place they are given",
            "caption": f"{_BEST} The genres that it gives wrongly most often, where each track is given as many genres "
            "as it carries. It counts in equal parts for those of its own that it does not get.",
        },
        **ROBUSTNESS,
    }
    of_genres = ("genres", "tree", "false_positives")

    def genres(self, table: pd.DataFrame) -> str:
        """Count all, and name those at the roots of their trees."""
        roots = table.loc[table["parent"] == "", "genre"]
        below = f", of which {len(roots)} have none above them: {listed(roots)}" if len(roots) < len(table) else ""
        return f"A track may have several of {counted(len(table), 'genre')}{below}."

    def genre_text(self, tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
        """Rank the genres by their average precision, averaged over networks, and name the first and the last."""
        rows = pd.DataFrame([row for table in tables.values() for row in table if row["support"]])
        means = rows.groupby("genre", as_index=False)[["average_precision", "support"]].mean()
        ranks = rank_genres(means.to_dict("records"))
        named, of = (
            (ranks.common, f"Of the genres with {LEAST_TRACKS} test tracks or more, the")
            if len(ranks.common) > 2 * _N_EXTREME
            else (ranks.tested, "The")
        )
        n = max(1, min(_N_EXTREME, len(named) // 2))
        first, last = (
            listed(f"{row['genre']} ({row['average_precision']:.2f})" for row in own)
            for own in (named[:n], named[::-1][:n])
        )
        return f"{of} average precision, averaged over the networks, is highest for {first}, and lowest for {last}."
