"""The model of a training's folder, run by torch."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.device import prepare
from fmagc.errors import DataError, format_list
from fmagc.inference.excerpts import Excerpt
from fmagc.inference.forward import probabilities
from fmagc.inference.model import ModelFacts
from fmagc.models.pretrained import load_trained, normalisation_of
from fmagc.params.signal import Mel, Waveform, n_frames
from fmagc.paths import CARD, MODELS_FOLDER, WEIGHTS
from fmagc.runtime.worker_pool import usable_cores
from fmagc.tasks.task import TASKS

__all__ = ["TorchModel"]


class TorchModel:
    """A network in float32, whatever precision it was trained in: bfloat16 rounds differently on every machine.

    Parameters
    ----------
    folder : Path
        As the stage train leaves it, or a copy.

    Attributes
    ----------
    facts : ModelFacts
    network : torch.nn.Module
        In evaluation mode; the first call moves it to the device that it runs on.
    card : dict
        The fields of its `models.card.Card`.

    Raises
    ------
    DataError
        When the folder lacks a file, is damaged, or was written by another version.
    """

    def __init__(self, folder: Path) -> None:
        self.network, self.card = _load(folder)
        card = self.card
        self._builder = BatchBuilder(normalisation_of(card))
        self._batch_size: int = card["train"]["batch_size"]
        self._hardware = prepare("float32", threads=usable_cores(), seed=card["seed"])
        waveform = Waveform.model_validate(card["waveform"])
        clip_samples: int = card["architecture"]["clip_samples"]
        longest = round(waveform.max_seconds * waveform.sample_rate)
        self.facts = ModelFacts(
            name=card["architecture"]["name"],
            task=TASKS[card["task"]],
            genres=tuple(card["genres"]),
            waveform=waveform,
            mel=Mel.model_validate(card["mel"]),
            clip_samples=clip_samples,
            n_clips=None if card["train"]["patch_samples"] else -(-longest // clip_samples),
            views=self._builder.views,
        )

    def __call__(self, excerpt: Excerpt, starts: Sequence[int]) -> NDArray[np.float64]:
        """Compute probabilities [shape=(N, K)] of the clips that begin at these frames of an excerpt."""
        batches, task = self._batches(excerpt, starts), self.facts.task
        with _float32(), tqdm(disable=True) as silent:
            return probabilities(self.network, batches, task=task, hardware=self._hardware, progress=silent)

    def _batches(self, excerpt: Excerpt, starts: Sequence[int]) -> Iterator[Batch]:
        hop, samples = self.facts.mel.hop_length, self.facts.clip_samples
        for first in range(0, len(starts), self._batch_size):
            some = starts[first : first + self._batch_size]
            values = {}
            if "waveform" in self.facts.views:
                values["waveform"] = _windows(excerpt.samples, [start * hop for start in some], samples)
            if "mel" in self.facts.views:
                values["mel"] = _windows(excerpt.S_db, some, n_frames(samples, hop_length=hop))
            yield self._builder.build(values, track_ids=range(len(some)), gains=[excerpt.scale] * len(some))


def _float32() -> AbstractContextManager[None]:
    """Return a context in which a GPU takes all bits of float32; by default convolutions there drop thirteen (TF32)."""
    cudnn = torch.backends.cudnn
    return cudnn.flags(enabled=cudnn.enabled, deterministic=cudnn.deterministic, allow_tf32=False)


def _windows(values: NDArray[Any] | None, starts: Sequence[int], length: int) -> NDArray[Any]:
    assert values is not None  # noqa: S101 - the reader has the views of this very model
    return np.stack([values[start : start + length] for start in starts])


def _load(folder: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """Load the network and the card of a folder that a user named.

    Raises
    ------
    DataError
        As `TorchModel`; the message names models that are near.
    """
    missing = [name for name in (CARD, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        there = format_list(_models_near(folder)) or "none near it"
        raise DataError(
            f"{folder}: expected a trained model, the files {CARD} and {WEIGHTS}, found no {' and no '.join(missing)}: "
            f"name a folder {MODELS_FOLDER}/<protocol>/<model>/<seed> of a finished `dvc repro`, or a whole copy of "
            f"one; models found: {there}"
        )
    try:
        return load_trained(folder, stage="train")
    except DataError as error:
        raise DataError(f"{error}; if {folder} is a copy, copy the folder again") from None


def _models_near(folder: Path) -> list[str]:
    """Find the models for which a folder was meant that lacks its seed, or names another protocol or model."""
    for place in (folder, *folder.parents[:3]):
        found = [path.parent for levels in ("*", "*/*", "*/*/*") for path in place.glob(f"{levels}/{WEIGHTS}")]
        if models := sorted(str(model) for model in found if (model / CARD).is_file()):
            return models
    return []
