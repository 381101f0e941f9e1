"""The trained networks of a robustness experiment, each with its device, its precision and its z-scores."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.device import Hardware, prepare
from fmagc.errors import DataError
from fmagc.inference.forward import probabilities
from fmagc.models.networks import Network
from fmagc.models.pretrained import load_trained, normalisation_of
from fmagc.params.run import Run
from fmagc.paths import training_folder
from fmagc.robustness.equivariance import encoders_of, margin, shift_errors
from fmagc.robustness.transformed_clips import Views

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
    clips : dict
        The clips that the network was trained on: ``genres`` in class order, ``clip_samples``, and ``mel``, the
        settings of its spectrograms.
    """

    def __init__(self, network: Network, card: dict[str, Any], *, hardware: Hardware) -> None:
        self.name: str = card["architecture"]["name"]
        self.seed: int = card["seed"]
        self.clips = {
            "genres": card["genres"],
            "clip_samples": card["architecture"]["clip_samples"],
            "mel": card["mel"],
        }
        self._network, self._hardware = network, hardware
        self._builder = BatchBuilder(normalisation_of(card))
        hardware.setup_model(network)

    def probabilities(self, clips: Sequence[Views], *, progress: "tqdm[Any]") -> npt.NDArray[np.float64]:
        """Predict clips as evaluation does: softmax [shape=(N, K)]."""
        return probabilities(self._network, [self._batch(clips)], hardware=self._hardware, progress=progress)

    def margin_samples(self, shifts: Sequence[float]) -> int:
        """Count the samples by which a window must be longer than a clip to compare all steps of a clip."""
        hop_length: int = self.clips["mel"]["hop_length"]
        samples = {"waveform": 1, "mel": hop_length}  # of one position of a view
        return max(
            margin(encoder, shifts=shifts) * encoder.time_stride * samples[encoder.view]
            for encoder in encoders_of(self._network)
        )

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

    def _batch(self, clips: Sequence[Views]) -> Batch:
        values = {view: np.stack([clip[view] for clip in clips]) for view in self._builder.views}
        return self._builder.build(values, track_ids=[-1] * len(clips))


def load_models(protocol: str, run: Run) -> list[ModelUnderTest]:
    """Load every model of the run, with every seed.

    Raises
    ------
    DataError
        When one is missing or damaged, or they were not all trained on the same clips.
    """
    models: list[ModelUnderTest] = []
    for name in run.models:
        for seed in run.seeds:
            stage = f"train@{protocol}-{name}-{seed}"
            network, card = load_trained(training_folder(protocol, name, seed), stage=stage)
            hardware = prepare(card["precision"], threads=run.threads, seed=seed)
            models.append(ModelUnderTest(network, card, hardware=hardware))
            if models[-1].clips != models[0].clips:
                raise DataError(
                    f"{stage}: expected the clips and genres of {models[0].name}, found others: run `dvc repro`"
                )
    return models
