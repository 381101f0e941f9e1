"""One training of a run: its model, seed and protocol, with its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from fmagc.params.corpus import Corpus, Dataset
from fmagc.params.run import Run
from fmagc.params.signal import Clip, Mel
from fmagc.params.training import Architecture, ModelSettings, Train
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
    corpus : Corpus
        It decides no weight, but how they may be used.
    threads : int
        Of the CPU's arithmetic.
    share : float
        Of the training set, on which the network is trained.
    """

    protocol: str
    model: str
    seed: int
    train: Train
    architecture: Architecture
    clip: Clip
    mel: Mel
    corpus: Corpus
    threads: int
    share: float = 1.0

    @classmethod
    def load(cls, *, protocol: str, model: str, seed: int, share: float = 1.0) -> Self:
        """Take the settings of a training from params.yaml."""
        own, dataset = ModelSettings.load(f"models.{model}"), Dataset.load("dataset")
        return cls(
            protocol=protocol,
            model=model,
            seed=seed,
            share=share,
            train=own.merged(Train.load("train")),
            architecture=own.architecture,
            clip=Clip.load("clip"),
            mel=Mel.load("mel"),
            corpus=Corpus(name=dataset.name, layout=dataset.layout),
            threads=Run.load("run").threads,
        )

    @property
    def folder(self) -> Path:
        """The folder to which weights and card are published."""
        return training_folder(self.protocol, self.model, self.seed, share=self.share)

    @property
    def store(self) -> str:
        """The name of the staging folder that holds its checkpoints."""
        if self.share == 1:
            return f"train/{self.protocol}-{self.model}-{self.seed}"
        return f"share/{self.protocol}-{self.share}-{self.model}-{self.seed}"

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
        return f"{self.model}, seed {self.seed}" + (f", share {self.share}" if self.share < 1 else "")
