"""The trained networks of a robustness experiment, each with its device, its precision and its z-scores."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from fmagc.cache.clip_starts import evenly_spaced
from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.device import Hardware, prepare
from fmagc.errors import DataError
from fmagc.inference.forward import probabilities
from fmagc.models.networks import Network
from fmagc.models.pretrained import load_trained, normalisation_of
from fmagc.params.run import Run
from fmagc.params.signal import n_frames
from fmagc.paths import training_folder
from fmagc.robustness.equivariance import encoders_of, margin, shift_errors
from fmagc.robustness.transformed_clips import Views
from fmagc.tasks.task import TASKS

__all__ = ["ModelUnderTest", "load_models"]


class ModelUnderTest:
    """One trained network, ready to predict clips that are in memory.

    Parameters
    ----------
    network, card : Network, dict
        As `models.pretrained.load_trained` gives them.
    hardware : Hardware
        Prepared for the card's precision.

    Attributes
    ----------
    name, seed : str, int
        Of the model and its training.
    encoder_views : list of str
        The view that each encoder reads.
    data : dict
        What the network was trained on: ``task``, its name, ``genres`` in class order, and ``mel``, the settings of
        its spectrograms.
    """

    def __init__(self, network: Network, card: dict[str, Any], *, hardware: Hardware) -> None:
        self.name: str = card["architecture"]["name"]
        self.seed: int = card["seed"]
        self.data = {name: card[name] for name in ("task", "genres", "mel")}
        self._task = TASKS[card["task"]]
        self._hop_length: int = card["mel"]["hop_length"]
        self._seen_frames = n_frames(card["architecture"]["clip_samples"], hop_length=self._hop_length)
        self.encoder_views = [encoder.view for encoder in encoders_of(network)]
        self._network, self._hardware = network, hardware
        self._builder = BatchBuilder(normalisation_of(card))
        hardware.setup_model(network)

    def starts(self, clip_frames: int) -> list[int]:
        """Choose the windows that cover a clip: the first frame of each patch; the clip itself without patches."""
        return evenly_spaced(clip_frames, clip_frames=self._seen_frames)

    def probabilities(
        self, clips: Sequence[Views], *, clip_frames: int, progress: "tqdm[Any]"
    ) -> npt.NDArray[np.float64]:
        """Predict clips as evaluation does, by the mean over the windows of each [shape=(N, K)]."""
        starts = self.starts(clip_frames)
        windows = [self._window(clip, start) for clip in clips for start in starts]
        p = probabilities(
            self._network, [self._batch(windows)], task=self._task, hardware=self._hardware, progress=progress
        )
        mean: npt.NDArray[np.float64] = p.reshape(len(clips), len(starts), -1).mean(axis=1)
        return mean

    def margin_frames(self, step: float) -> int:
        """Count the frames by which a window must be longer than a clip to compare a clip after a shift by a step."""
        samples = {"waveform": 1, "mel": self._hop_length}  # of one position of a view
        longer = max(
            margin(encoder, shifts=[step]) * encoder.time_stride * samples[encoder.view]
            for encoder in encoders_of(self._network)
        )
        return math.ceil(longer / self._hop_length)

    @torch.inference_mode()
    def shift_errors(self, window: Views, *, shifts: Sequence[float]) -> list[dict[str, Any]]:
        """Measure equivariance and invariance of every encoder on a window: a row for each view and shift."""
        views = self._batch([window]).on(self._hardware.device)
        rows = []
        for encoder in encoders_of(self._network):
            with self._hardware.autocast():
                errors = shift_errors(encoder, views[encoder.view], shifts=shifts)
            rows += [{"view": encoder.view, **asdict(error)} for error in errors]
        return rows

    def _window(self, clip: Views, start: int) -> Views:
        rows = {"waveform": self._hop_length, "mel": 1}  # of a view for each frame
        return {
            view: values[start * rows[view] : (start + self._seen_frames) * rows[view]] for view, values in clip.items()
        }

    def _batch(self, clips: Sequence[Views]) -> Batch:
        values = {view: np.stack([clip[view] for clip in clips]) for view in self._builder.views}
        return self._builder.build(values, track_ids=[-1] * len(clips))


def load_models(protocol: str, run: Run) -> list[ModelUnderTest]:
    """Load every model of the run, with every seed.

    Raises
    ------
    DataError
        When one is missing or damaged, or they were not all trained for the same task, genres and spectrograms.
    """
    models: list[ModelUnderTest] = []
    for name in run.models:
        for seed in run.seeds:
            stage = f"train@{protocol}-{name}-{seed}"
            network, card = load_trained(training_folder(protocol, name, seed), stage=stage)
            hardware = prepare(card["precision"], threads=run.threads, seed=seed)
            models.append(ModelUnderTest(network, card, hardware=hardware))
            if models[-1].data != models[0].data:
                raise DataError(
                    f"{stage}: expected the task, genres and spectrograms of {models[0].name}, found others: run "
                    "`dvc repro`"
                )
    return models
