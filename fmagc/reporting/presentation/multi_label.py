"""Results where a track has several genres: how well each genre's own tracks are ranked before the others."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from matplotlib.figure import Figure

from fmagc.evaluation.ranking import precision_by_chance
from fmagc.evaluation.scoring import SCORINGS
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.figures.false_positives import false_positive_table
from fmagc.reporting.figures.precision import precision_by_size
from fmagc.reporting.figures.tree import genre_tree
from fmagc.reporting.markdown import table
from fmagc.reporting.metric_text import metric_text
from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.multi_label_card import MultiLabelCard
from fmagc.reporting.presentation.multi_label_page import MultiLabelPage
from fmagc.reporting.protocol_results import ProtocolResults

__all__ = ["MultiLabelPresentation"]

_LEVELS = {"roots": "roots", "second": "second level", "leaves": "leaves"}


class MultiLabelPresentation(Presentation):
    """Several genres for a track."""

    card = MultiLabelCard()
    page = MultiLabelPage()
    scoring = SCORINGS["multi"]
    others = ("micro_average_precision", "precision_at_1", "macro_f1", "log_loss")
    curves: ClassVar[Mapping[str, str]] = {
        "loss": "loss",
        "average_precision": "macro average precision",
        "accuracy": "accuracy",
        "f1": "macro F1",
    }
    calibration: ClassVar[Mapping[str, str]] = {
        "confidence": "probability of a genre",
        "right": "share of tracks that carry it",
        "rows": "pairs",
    }
    legend = (
        "Average precision is the mean, over the tracks that carry a genre, of the share of right tracks among those "
        "that the model ranks as high or higher; the macro metrics are means over the genres that have a test track. "
        "Tracks of one probability share a place: with one for all, as majority has it, the average precision of a "
        "genre is the share of the tracks that carry it, which is below that of a random order where they are few. A "
        "model that ranks at random is above majority, too: a difference from majority is none from chance. "
        "precision_at_1 is the share of tracks whose most probable genre is one of their own. macro_f1 gives each "
        "genre a threshold, the best one on the validation tracks. log_loss is the sum over genres, in nats."
    )
    right = "precision_at_1"

    def chance(self, test: TestSet) -> dict[str, float]:
        """Rank the tracks of each genre at random."""
        of_genres = precision_by_chance([n for n in test.support.values() if n], test.n_tracks)
        return {"macro_average_precision": float(of_genres.mean()), "macro_roc_auc": 0.5}

    def chance_text(self, test: TestSet) -> str:
        """Tell what a random order of the tracks scores."""
        parts = (f"{name} {value:.3f}" for name, value in self.chance(test).items())
        return f"By chance, which is a random order of the tracks: {', '.join(parts)}."

    def further_tables(self, ranked: Sequence[Entry]) -> list[str]:
        """Lay out the average precision by level of the tree of genres, where the tested genres are of several."""
        found = {end: label for end, label in _LEVELS.items() if f"{self.headline}_{end}" in ranked[0].track}
        if len(found) < 2:
            return []
        rows = [
            (entry.model, *(metric_text(entry.track, f"{self.headline}_{end}") for end in found)) for entry in ranked
        ]
        return [table((self.headline, *found.values()), rows, numbers=len(found))]

    def figures(self, results: ProtocolResults) -> dict[str, Figure]:
        """Draw how well the best model finds each genre, over training tracks and in the tree, and what it confuses."""
        best = max(results.entries, key=lambda entry: entry.track[self.headline]).model
        found, tree = results.analyses[best], results.tree
        return {
            "genres": precision_by_size(
                found["genres"],
                training=results.test_set.training,
                depths=dict(zip(tree["genre"], tree["depth"], strict=True)),
                n_tracks=results.test_set.n_tracks,
                title=best,
            ),
            "tree": genre_tree(found["genres"], tree, title=best),
            "false_positives": false_positive_table(found["false_positives"], title=best),
        }
