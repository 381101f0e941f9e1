"""Settings of evaluation, of the baselines and of the comparison."""

from typing import Annotated

from pydantic import Field

from fmagc.params.base import Block

__all__ = ["Baselines", "Compare", "Evaluate", "SvmMfcc"]

Positive = Annotated[int, Field(gt=0)]


class Evaluate(Block):
    """How a fitted model is judged."""

    clips: Positive  # evenly spaced clips of a track, whose probabilities are averaged
    bootstrap: Positive  # resamples of the test artists behind an interval


class SvmMfcc(Block):
    """RBF support vector machine on statistics of MFCCs."""

    n_mfcc: Positive
    C: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]  # tried on the validation tracks


class Compare(Block):
    """Whose metrics metrics/focus.json shows."""

    focus: str  # a model or a baseline
    protocol: str


class Baselines(Block):
    """A block for each baseline of the field."""

    svm_mfcc: SvmMfcc
