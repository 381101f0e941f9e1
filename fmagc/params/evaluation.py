"""Settings of evaluation, of the baselines and of the comparison."""

from typing import Annotated, Literal

from pydantic import Field

from fmagc.params.base import Block

__all__ = ["Baselines", "Compare", "Evaluate", "LogregMel", "Majority", "Penalties", "SvmMfcc"]

Positive = Annotated[int, Field(gt=0)]
Penalties = Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)]  # tried on the validation tracks


class Evaluate(Block):
    """The clips by which a trained model is evaluated, and the resamples of its intervals."""

    clips: Positive  # of a track, whose probabilities are averaged
    overlap: Annotated[float, Field(ge=0, lt=1)]  # at least, of neighbouring patches: those cover a track
    crop: Literal["even", "random"]  # from end to end of a track, or anywhere, elsewhere for each seed
    bootstrap: Positive  # resamples of the test artists behind an interval


class Majority(Block):
    """The commonest genre of the training tracks, whatever the audio."""


class LogregMel(Block):
    """Logistic regression on mean and standard deviation of each mel band."""

    C: Penalties


class SvmMfcc(Block):
    """RBF support vector machine on statistics of MFCCs."""

    n_mfcc: Positive
    C: Penalties


class Compare(Block):
    """The model and protocol whose metrics metrics/focus.json shows."""

    focus: str  # a model or a baseline
    protocol: str


class Baselines(Block):
    """A block for each baseline of the field."""

    majority: Majority
    logreg_mel: LogregMel
    svm_mfcc: SvmMfcc
