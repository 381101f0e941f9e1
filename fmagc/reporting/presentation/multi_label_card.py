"""The words of a model card where a track has several genres."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from matplotlib.figure import Figure

from fmagc.evaluation.ranking import precision_by_chance
from fmagc.reporting.figures.false_positives import false_positive_table
from fmagc.reporting.markdown import escaped, folded, table
from fmagc.reporting.metric_text import count_text, metric_text
from fmagc.reporting.presentation.card_words import CardWords, ModelPicture, ModelResults
from fmagc.reporting.presentation.genre_ranks import LEAST_TRACKS, rank_genres

__all__ = ["MultiLabelCard"]

_N_EXTREME = 10  # genres of the highest, and of the lowest average precision
_N_MISTAKES = 15
_N_SOURCES = 4


class MultiLabelCard(CardWords):
    """Several genres for a track: average precision, ROC-AUC, and genres that are given wrongly."""

    headline = ("macro_average_precision", "macro average precision")
    hub_metrics: ClassVar[Mapping[str, str]] = {
        "average_precision": "macro_average_precision",
        "roc_auc": "macro_roc_auc",
    }
    validated = ("average_precision", "precision", "recall", "f1", "accuracy", "loss")
    brief: ClassVar[Mapping[str, str]] = {"average_precision": "macro average precision"}
    in_words = ("genres_tested",)
    limit = (
        "- The labels of the corpus are those that its contributors chose. Music may belong to a genre that nobody "
        "listed for it: predicting that genre counts as wrong.\n"
        "- A genre of few training tracks is hardly learnt: look at its own numbers before you rely on it.\n"
        "- Each genre is predicted for itself, and may get a higher probability than the genre above it."
    )
    ece = (
        "`ece`, the expected calibration error, is the mean distance between probability and frequency over 15 bins of "
        "all pairs of a track and a genre. Most pairs have a probability near 0, so that it is small for any model."
    )
    error_columns = ("labels", "predicted as", "probability", "highest of the labels")
    validation = (
        "`average_precision`, `precision`, `recall` and `f1` are means over the genres that occur; for the last three, "
        "a track gets as many genres as it carries, its most probable ones. `accuracy` is the share of the tracks "
        "whose most probable genre is one of theirs. `loss` is the binary cross-entropy, summed over the genres, in "
        "nats."
    )
    beyond = "with intervals and the numbers of each genre"
    picture = ModelPicture(
        "false_positives.png",
        "Genres that are given wrongly",
        "The genres that test tracks get wrongly most often, and the genres in whose place they get them",
    )

    def purpose(self, genres: Sequence[str]) -> str:
        """Say that every genre has a probability of its own."""
        return (
            f"Predict the genres of recorded music: for each of {len(genres)}, the probability that a track carries "
            "it. A track may carry several, so that the probabilities do not sum to 1."
        )

    def listing(self, genres: Sequence[str]) -> str:
        """List the genres in a part that unfolds."""
        return f"{folded(f'The {len(genres)} genres', ', '.join(map(escaped, genres)))}\n\n"

    def measures(self, metrics: Mapping[str, float]) -> str:
        """Define the measures over genres, levels and ranks."""
        return (
            f"Measures that begin with `macro` are means over the {metrics['genres_tested']:.0f} genres that occur "
            "among the test tracks; with `roots`, `second` or `leaves` at their end, over those of one level of the "
            "tree. Measures that begin with `micro` are of all pairs of a track and a genre together. "
            "`precision_at_1` is the share of the tracks that carry the genre most probable for them, `precision_at_3` "
            "the share of their three most probable genres that tracks carry. `macro_f1` has a threshold for each "
            "genre, the best on the validation tracks. `log_loss` is summed over the genres, in nats."
        )

    def by_genre(self, rows: Sequence[Mapping[str, Any]], *, n_tested: int) -> str:
        """Tabulate the best and the worst genres, and all of them in a part that unfolds."""
        ranks = rank_genres(rows)
        whole = _genre_rows(ranks.tested, n_tested)
        parts = [
            "By chance is the average precision of a random order of the test tracks, on average over all orders. A "
            "genre of few test tracks may do well or badly by luck."
        ]
        if len(ranks.common) > 2 * _N_EXTREME:
            best, worst = (
                _genre_rows(own, n_tested) for own in (ranks.common[:_N_EXTREME], ranks.common[-_N_EXTREME:])
            )
            parts += [
                f"Of the genres with {LEAST_TRACKS} test tracks or more, the {_N_EXTREME} of the highest average "
                "precision:",
                best,
                f"And the {_N_EXTREME} of the lowest:",
                worst,
                folded(f"All {len(ranks.tested)} genres that occur among the test tracks", whole),
            ]
        else:
            parts += [whole]
        if ranks.absent:
            parts += [f"No test track carries one of these: {', '.join(map(escaped, ranks.absent))}."]
        return "\n\n".join(parts)

    def mistakes(self, level: Mapping[str, Any]) -> str:
        """Tabulate which genres are given wrongly, and in place of which others."""
        rows = [
            [escaped(row["genre"]), _sources(row["tracks_of"]), count_text(row["count"])]
            for row in level["false_positives"][:_N_MISTAKES]
        ]
        found = table(["genre", "most often in place of", "tracks"], rows, numbers=1)
        return (
            "### Genres that are given wrongly\n\n"
            "Here a track gets as many genres as it carries, its most probable ones. It counts in equal parts for "
            "those of its own that it does not get.\n\n"
            f"{found if rows else 'There is none: every test track got its own genres.'}"
        )

    def draw(self, results: ModelResults, *, genres: Sequence[str]) -> Figure:
        """Draw which genres are given wrongly."""
        return false_positive_table(results.analysis()["false_positives"], title=results.model)


def _genre_rows(rows: Sequence[Mapping[str, Any]], n_tested: int) -> str:
    header = ["genre", "tracks", "average precision", "by chance", "ROC-AUC", "precision", "recall", "F1", "threshold"]
    cells = [
        [
            escaped(row["genre"]),
            f"{row['support']:,}",
            metric_text(row, "average_precision"),
            f"{precision_by_chance(row['support'], n_tested):.3f}",
            "-" if row["roc_auc"] is None else metric_text(row, "roc_auc"),
            *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1", "threshold")),
        ]
        for row in rows
    ]
    return table(header, cells, numbers=8)


def _sources(genres: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{escaped(row['genre'])} ({count_text(row['count'])})" for row in genres[:_N_SOURCES])
