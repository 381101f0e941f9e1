"""One training of a run: its model, seed and protocol, with its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fmagc.params.signal import Clip, Mel
from fmagc.params.training import Architecture, Train
from fmagc.paths import training_folder

__all__ = ["TrainingJob"]


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training to run, with its settings.

    Attributes
    ----------
    protocol, model : str
    seed : int
        Of the weights, of dropout, of the clips and their augmentation.
    train, architecture : Train, Architecture
        Settings of this model's training, its overrides applied, and those that only models have.
    clip, mel : Clip, Mel
    threads : int
        Of the CPU's arithmetic.
    """

    protocol: str
    model: str
    seed: int
    train: Train
    architecture: Architecture
    clip: Clip
    mel: Mel
    threads: int

    @property
    def folder(self) -> Path:
        """The folder to which weights and card are published."""
        return training_folder(self.protocol, self.model, self.seed)

    @property
    def clip_samples(self) -> int:
        """Length of what the network sees: its patch, or a clip."""
        return self.architecture.patch_samples or self.clip.samples

    def build_arguments(self, n_classes: int) -> dict[str, Any]:
        """Return the keyword arguments of `models.build.build`."""
        return {
            "name": self.model,
            "n_classes": n_classes,
            "dropout": self.architecture.dropout,
            "clip_samples": self.clip_samples,
            "hop_length": self.mel.hop_length,
            "n_mels": self.mel.n_mels,
        }

    def __str__(self) -> str:
        return f"{self.model}, seed {self.seed}"
