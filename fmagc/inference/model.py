"""What a `Predictor` asks of a trained model, whatever runs it: an excerpt and starts in, probabilities out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fmagc.inference.excerpts import Excerpt
from fmagc.params.signal import Mel, Waveform

__all__ = ["Model", "ModelFacts", "clips_of_an_excerpt"]


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The signals that a trained model takes, and the genres that it knows.

    Attributes
    ----------
    name : str
        A key of `models.registry.MODELS`.
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


def clips_of_an_excerpt(waveform: Waveform, *, clip_samples: int, patches: bool) -> int | None:
    """Count the clips of an excerpt: of a model of patches as many as cover it (None), else those of a full length."""
    return None if patches else -(-round(waveform.max_seconds * waveform.sample_rate) // clip_samples)
