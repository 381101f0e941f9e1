"""Results where a track has one genre: a share of right tracks, and who is taken for whom."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from matplotlib.figure import Figure

from fmagc.evaluation.scoring import SCORINGS
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.figures.confusion import confusion_grid
from fmagc.reporting.figures.genres import genre_scores
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.single_label_card import SingleLabelCard
from fmagc.reporting.presentation.single_label_page import SingleLabelPage
from fmagc.reporting.protocol_results import ProtocolResults

__all__ = ["SingleLabelPresentation"]


class SingleLabelPresentation(Presentation):
    """One genre for each track."""

    card = SingleLabelCard()
    page = SingleLabelPage()
    scoring = SCORINGS["single"]
    others = ("study_f1", "top3", "log_loss")
    curves: ClassVar[Mapping[str, str]] = {
        "loss": "loss",
        "f1": "macro F1",
        "accuracy": "accuracy",
        "precision": "precision",
        "recall": "recall",
    }
    calibration: ClassVar[Mapping[str, str]] = {"confidence": "confidence", "right": "accuracy", "rows": "tracks"}
    legend = "study_f1 is 2PR/(P+R) of macro precision and recall, the F1 of the study; log_loss is in nats."
    right = "accuracy"

    def chance(self, test: TestSet) -> dict[str, float]:
        """Give every genre the same chance."""
        return dict.fromkeys(self.resampled, 1 / test.n_genres)

    def chance_text(self, test: TestSet) -> str:
        """Tell the accuracy of guessing."""
        return f"By chance: accuracy {self.chance(test)['accuracy']:.3f}."

    def further_tables(self, ranked: Sequence[Entry]) -> list[str]:
        """Add nothing: one table holds all."""
        return []

    def figures(self, results: ProtocolResults) -> dict[str, Figure]:
        """Draw the confusion matrices, and F1 by genre."""
        return {
            "confusion": confusion_grid(results.confusions, results.genres),
            "genres": genre_scores({model: own["genres"] for model, own in results.analyses.items()}),
        }
