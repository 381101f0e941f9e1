"""The card of a trained model: one schema by which it is written and read, and all that must hold within it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from fmagc.cache.normalisation import LEAST_SPREAD, LEAST_SPREAD_DB
from fmagc.errors import DataError, format_list
from fmagc.models.registry import MODELS
from fmagc.params.base import Block, faults_of
from fmagc.params.corpus import Corpus
from fmagc.params.run import Seed
from fmagc.params.signal import Mel, Waveform
from fmagc.params.training import Architecture, Train
from fmagc.runtime.files import read_record
from fmagc.tasks.task import TaskName

__all__ = ["Card", "read_card"]

LARGEST_CARD = 1 << 20  # bytes: one of 161 genres and 256 bands takes a fiftieth

Count = Annotated[int, Field(gt=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Finite = Annotated[float, Field(ge=-1e6, le=1e6)]
Text = Annotated[str, Field(min_length=1)]


def _known(name: str) -> str:
    if name not in MODELS:
        raise ValueError(f"one of {', '.join(MODELS)}")
    return name


def _printable(genre: str) -> str:
    if not genre.isprintable():
        raise ValueError("a name without control characters")
    return genre


class NetworkShape(Block):
    """The arguments of `models.build.build`."""

    name: Annotated[str, AfterValidator(_known)]
    n_classes: Annotated[int, Field(ge=2)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    clip_samples: Count
    hop_length: Count
    n_mels: Count


class Machine(Block):
    """The hardware of the training, as `devices.device.Hardware` describes it."""

    device: Text
    processes: Count
    precision_reason: str
    layout: str


class TrainedWith(Architecture, Train):
    """The settings of the training: those of all models, and those of this one."""


class ZScore(Block):
    """The fields of a `cache.normalisation.Normalisation`."""

    mean_: list[Finite]
    scale_: list[Annotated[Finite, Field(ge=LEAST_SPREAD)]]
    without_spread: list[Annotated[int, Field(ge=0)]]


class BestEpoch(Block):
    """The validation metrics of the epoch whose weights were kept."""

    epoch: Count
    split: Literal["val"]
    loss: float
    accuracy: float
    precision: float
    recall: float
    f1: float
    average_precision: float


class Card(Block):
    """The record of a trained network: its architecture, its inputs, its training and its validation metrics."""

    task: TaskName
    architecture: NetworkShape
    seed: Seed
    genres: list[Annotated[Text, AfterValidator(_printable)]]
    precision: Literal["float32", "bfloat16"]
    hardware: Machine
    train: TrainedWith
    waveform: Waveform
    mel: Mel
    normalisation: dict[Literal["waveform", "mel"], ZScore]
    corpus: Corpus
    caches: dict[Text, Digest]
    parameters: Count
    best_epoch: Count
    validation: BestEpoch
    weights: Digest

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        """Check what holds between blocks."""
        missed = [demand for demand, holds in [*self._demands(), *self._demands_of_z_scores()] if not holds]
        if missed:
            raise ValueError(format_list(missed))
        return self

    def _demands(self) -> Iterator[tuple[str, bool]]:
        shape, mel, rate, best = self.architecture, self.mel, self.waveform.sample_rate, self.validation.epoch
        longest = rate * self.waveform.max_seconds
        yield f"architecture.n_classes ({shape.n_classes}) genres", len(self.genres) == shape.n_classes
        yield "each genre once", len(set(self.genres)) == len(self.genres)
        yield "mel.hop_length as in architecture", mel.hop_length == shape.hop_length
        yield "mel.n_mels as in architecture", mel.n_mels == shape.n_mels
        yield "clip_samples as a multiple of hop_length", shape.clip_samples % shape.hop_length == 0
        yield "train.patch_samples as in clip_samples, or null", self.train.patch_samples in (None, shape.clip_samples)
        yield f"clip_samples within max_seconds ({longest:.0f} samples)", shape.clip_samples <= longest
        yield f"mel.fmax of at most half of the sample rate ({rate / 2:g} Hz)", (mel.fmax or 0) <= rate / 2
        yield f"mel.fmin below the upper limit ({mel.fmax or rate / 2:g} Hz)", mel.fmin < (mel.fmax or rate / 2)
        yield f"best_epoch within train.epochs ({self.train.epochs})", self.best_epoch <= self.train.epochs
        yield f"the validation of best_epoch ({self.best_epoch})", best == self.best_epoch

    def _demands_of_z_scores(self) -> Iterator[tuple[str, bool]]:
        views = MODELS[self.architecture.name].inputs
        yield f"normalisation of {' and '.join(views)}", set(self.normalisation) == set(views)
        for view, z_score in self.normalisation.items():
            n_columns, least = (1, LEAST_SPREAD) if view == "waveform" else (self.mel.n_mels, LEAST_SPREAD_DB)
            flat = set(z_score.without_spread)
            sound = len(flat) == len(z_score.without_spread) and all(column < n_columns for column in flat)
            yield f"{n_columns} values in mean_ of {view}", len(z_score.mean_) == n_columns
            yield f"{n_columns} values in scale_ of {view}", len(z_score.scale_) == n_columns
            yield f"scale_ of {view} from {least:g} upwards", all(scale >= least for scale in z_score.scale_)
            yield f"each of some columns of {view} once in without_spread", sound


def read_card(path: Path, *, stage: str) -> dict[str, Any]:
    """Read a card.

    Raises
    ------
    DataError
        When it is missing, damaged or too large, or when a value of it cannot be one that a training writes.
    """
    if path.is_file() and path.stat().st_size > LARGEST_CARD:
        raise DataError(
            f"{path}: expected a card of at most {LARGEST_CARD} bytes, found {path.stat().st_size}: "
            f"train the model again (`dvc repro -f {stage}`)"
        )
    record = read_record(path, stage=stage)
    faults = faults_of(Card, record)
    if faults:
        raise DataError(
            f"{path}: expected the card of a model of this version, found {len(faults)} faults: "
            f"{format_list(faults)}: use the version that trained it, or train it again (`dvc repro -f {stage}`)"
        )
    return Card.model_validate(record).model_dump()
