"""The presentation of each task, by the task's name."""

from fmagc.reporting.presentation.base import Presentation
from fmagc.reporting.presentation.multi_label import MultiLabelPresentation
from fmagc.reporting.presentation.single_label import SingleLabelPresentation

__all__ = ["PRESENTATIONS"]

PRESENTATIONS: dict[str, Presentation] = {
    "single": SingleLabelPresentation(),
    "multi": MultiLabelPresentation(),
}
