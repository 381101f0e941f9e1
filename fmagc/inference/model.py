"""The interface of a trained model to a `Predictor`, whatever runs it: an excerpt and starts in, probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fmagc.inference.excerpts import Excerpt
from fmagc.params.signal import Mel, Waveform
from fmagc.tasks.task import Task

__all__ = ["Model", "ModelFacts"]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The signals that a trained model takes, and the genres that it knows.

    Attributes
    ----------
    name : str
        A key of `models.registry.MODELS`.
    task : Task
        What the probabilities are.
    genres : tuple of str
        In the order of the probabilities.
    waveform, mel : Waveform, Mel
        Of its training.
    clip_samples : int
        Length of what it sees at a time.
    n_clips : int or None
        Evenly spaced clips of an excerpt; None: as many as cover it.
    views : tuple of str
        What it reads of an `Excerpt`: ``waveform``, ``mel`` or both.
    """

    name: str
    task: Task
    genres: tuple[str, ...]
    waveform: Waveform
    mel: Mel
    clip_samples: int
    n_clips: int | None
    views: tuple[str, ...]


class Model(Protocol):
    """A trained model, ready to run."""

    @property
    def facts(self) -> ModelFacts:
        """Its signals and genres."""

    def __call__(self, excerpt: Excerpt, starts: Sequence[int]) -> NDArray[np.float64]:
        """Compute probabilities [shape=(N, K)] of the clips that begin at these frames of an excerpt."""
