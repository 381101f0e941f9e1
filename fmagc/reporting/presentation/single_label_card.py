"""The words of a model card where a track has one genre."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from matplotlib.figure import Figure

from fmagc.reporting.figures.confusion import confusion_grid
from fmagc.reporting.markdown import escaped, table
from fmagc.reporting.metric_text import count_text, metric_text
from fmagc.reporting.presentation.card_words import CardWords, ModelPicture, ModelResults

__all__ = ["SingleLabelCard"]


class SingleLabelCard(CardWords):
    """One genre for each track: accuracy, F1 and confusions."""

    headline = ("accuracy", "accuracy")
    hub_metrics: ClassVar[Mapping[str, str]] = {
        "accuracy": "accuracy",
        "f1": "macro_f1",
        "precision": "macro_precision",
        "recall": "macro_recall",
    }
    validated = ("accuracy", "precision", "recall", "f1", "loss")
    brief: ClassVar[Mapping[str, str]] = {"accuracy": "accuracy", "f1": "macro F1"}
    limit = (
        "- Each track of the corpus has one genre. Music of two genres, or of none of these, still gets one of them."
    )
    ece = "`ece`, the expected calibration error, is the mean distance between confidence and accuracy over 15 bins."
    error_columns = ("label", "predicted as", "probability", "of the label")
    validation = "`precision`, `recall` and `f1` are means over the genres; `loss` is the cross-entropy, in nats."
    beyond = "with intervals and a confusion matrix"
    picture = ModelPicture(
        "confusion.png", "Confusion matrix", "Confusion matrix of the test tracks: rows are true genres and sum to 1"
    )

    def purpose(self, genres: Sequence[str]) -> str:
        """Name the genres, of which a track gets one."""
        return f"Predict the genre of recorded music, one of {len(genres)}: {', '.join(map(escaped, genres))}."

    def listing(self, genres: Sequence[str]) -> str:
        """List nothing."""
        return ""

    def measures(self, metrics: Mapping[str, float]) -> str:
        """Define the measures of the study."""
        return "`study_accuracy` (one-vs-rest) and `study_f1` are the measures of the study; `log_loss` is in nats."

    def by_genre(self, rows: Sequence[Mapping[str, Any]], *, n_tested: int) -> str:
        """Tabulate precision, recall and F1 of each genre."""
        header = ["genre", "tracks", "precision", "recall", "F1"]
        cells = [
            [
                escaped(row["genre"]),
                f"{row['support']:,}",
                *(f"{row[name]:.3f}" for name in ("precision", "recall")),
                metric_text(row, "f1"),
            ]
            for row in rows
        ]
        return table(header, cells, numbers=4)

    def mistakes(self, level: Mapping[str, Any]) -> str:
        """Tabulate the most frequent confusions."""
        rows = [
            [escaped(row["true"]), escaped(row["predicted"]), count_text(row["count"]), f"{row['share']:.1%}"]
            for row in level["confusions"]
        ]
        found = table(["true", "predicted as", "tracks", "share of the genre"], rows, numbers=2)
        return (
            "### Most frequent confusions\n\n"
            f"{found if rows else 'There is none: every test track was predicted correctly.'}"
        )

    def draw(self, results: ModelResults, *, genres: Sequence[str]) -> Figure:
        """Draw the confusion matrix."""
        return confusion_grid({results.model: results.confusions(genres)}, genres)
