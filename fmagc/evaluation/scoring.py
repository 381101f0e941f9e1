"""The measures of each task, by the task's name."""

from fmagc.evaluation.abstract_scoring import Scoring
from fmagc.evaluation.multi_label import MultiLabel
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.single_label import SingleLabel

__all__ = ["SCORINGS", "Scoring", "scoring_of"]

SCORINGS: dict[str, Scoring] = {scoring.task: scoring for scoring in (SingleLabel(), MultiLabel())}


def scoring_of(predictions: Predictions) -> Scoring:
    """Return the measures of the task that the predictions are of."""
    return SCORINGS[predictions.labelling.task.name]
