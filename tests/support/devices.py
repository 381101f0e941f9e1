"""Run one process in the tests of several devices: `torchrun -m tests.support.devices TASK FOLDER`."""

import os
import signal
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn
from tqdm import tqdm

from fmagc.cache.clip_positions import clip_table
from fmagc.cache.normalisation import Normalisation
from fmagc.dataset import clips
from fmagc.dataset.batch import Batch
from fmagc.dataset.clips import ClipLoader, fixed_batches, prefetch
from fmagc.devices.device import Hardware, prepare
from fmagc.errors import DataError
from fmagc.inference.forward import probabilities
from fmagc.models.build import build
from fmagc.params.signal import Mel
from fmagc.params.training import GaussianNoise, TimeStretch, Train
from fmagc.runtime.entrypoint import log, run_stage
from fmagc.tasks.task import TASKS
from fmagc.training.batches import RandomBatches
from fmagc.training.loop import Batches, Trainer
from fmagc.training.loss import CRITERIA
from fmagc.training.signals import Interrupted
from fmagc.training.state import State
from tests.support.caches import publish
from tests.support.labels import multi, single
from tests.support.recipe import MODERN, recipe

N_TRACKS = 11
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
SAMPLES = 64 * 1024
BATCH_SIZES = (4, 2)  # of 11 clips: batches of 4 and 3, which two processes share evenly and not; batches of 2 and 1
GENRES = ["Folk", "Rock"]
AUGMENT = [
    GaussianNoise(name="gaussian_noise", p=0.5, min_amplitude=0.001, max_amplitude=0.015),
    TimeStretch(name="time_stretch", p=0.5, min_rate=0.8, max_rate=1.25),
]


def write_cache(folder: Path) -> None:
    """Write spectrograms of noise, each of a level of its own."""
    rng = np.random.default_rng(0)
    rows = [(rng.uniform(-60, -20, (90 + n, 128)) - n).astype(np.float16) for n in range(N_TRACKS)]
    publish(folder / "mels", rows, params={"mel": MEL.model_dump(), "audio": {"sample_rate": 44100}}, ref_db=[0.0] * 11)


RECIPES: dict[str, dict[str, Any]] = {"study": {}, "modern": MODERN, "multi": MODERN}
LABELS = defaultdict(lambda: single(GENRES), multi=multi(["Folk", "Folk;Rock"]))  # by recipe


def settings(which: str = "study") -> Train:
    """Make settings of two epochs, with both augmentations of clips."""
    shared = {"epochs": 2, "augment": AUGMENT, "max_grad_norm": 0.5, "class_balance": "weighted_loss"}
    return recipe(**shared | RECIPES[which])


class Plain(nn.Module):
    """A network without BatchNorm and dropout."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv1d(128, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 62, 2))

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.layers(views["mel"].mT)


def normalised() -> nn.Module:
    """Make a network with BatchNorm and dropout."""
    torch.manual_seed(0)
    plain = Plain()
    plain.layers.insert(1, nn.BatchNorm1d(8))
    plain.layers.insert(4, nn.Dropout(0.5))
    return plain


class Work:
    """The data, the network and the hardware of a process."""

    def __init__(self, folder: Path, hardware: Hardware) -> None:
        clips.MELS = folder / "mels"
        self.hardware = hardware
        self.share = hardware.processes.share
        same = {"mel": Normalisation([-50.0] * 128, [20.0] * 128, [])}
        self.loader = ClipLoader.open(same, clip_samples=SAMPLES, mel=MEL)
        split = pd.DataFrame({"track_id": range(N_TRACKS), "genre": (GENRES * 6)[:N_TRACKS], "set": "train"})
        self.tracks = self.loader.tracks(split, labels=single(GENRES))
        self.fixed = clip_table(self.tracks, clip_frames=self.loader.clip_frames, n_clips=2)

    def random(self, batch_size: int, epoch: int = 1, skip: int = 0) -> Iterator[Batch]:
        batches = RandomBatches(
            self.loader, self.tracks, rounds=2, batch_size=batch_size, augment=AUGMENT, seed=0, share=self.share
        )
        return batches.epoch(epoch, skip=skip)

    def validation(self) -> Iterator[Batch]:
        return fixed_batches(self.loader, self.fixed, batch_size=4, share=self.share)

    def model(self) -> nn.Module:
        torch.manual_seed(0)
        model = Plain()
        self.hardware.setup_model(model)
        return model

    def trainer(self, state: State, which: str = "study") -> Trainer:
        labels, chosen, codes = LABELS[which], settings(which), self.tracks["label"].tolist()
        criterion = CRITERIA[labels.task.name](chosen.class_balance, codes, labels=labels, device=self.hardware.device)
        return Trainer(state, labels=labels, criterion=criterion, settings=chosen, hardware=self.hardware)

    def gradients(self, batch_size: int, which: str) -> list[dict[str, Any]]:
        """Return, batch by batch, the tracks that this process read, and the loss and gradient that all share."""
        model, found = self.model(), []
        trainer = self.trainer(State(model, weight_decay=0.0), which)
        for batch in self.random(batch_size):
            model.zero_grad()
            loss, n_clips = trainer.backward(batch)
            gradient = torch.cat([parameter.grad.flatten() for parameter in model.parameters()])
            found.append({"tracks": batch.track_ids, "n_clips": n_clips, "loss": loss, "gradient": gradient})
        return found

    def predicted(self) -> np.ndarray:
        """Return what a network with BatchNorm says about all clips."""
        torch.manual_seed(0)
        model = build("crnn", n_classes=2, dropout=0.3, clip_samples=SAMPLES, hop_length=1024, n_mels=128)
        return probabilities(
            model, self.validation(), task=TASKS["single"], hardware=self.hardware, progress=tqdm(disable=True)
        )

    def trained(self, training: Any = None, *, model: nn.Module | None = None, which: str = "study") -> dict[str, Any]:
        """Fit a network, the plain one unless another is given, and describe how it ended."""
        state, kept = State(model or self.model(), weight_decay=0.0), []
        training = training or (lambda epoch, skip: self.random(4, epoch, skip))
        batches = Batches(per_epoch=6, training=training, train_eval=self.validation, validation=self.validation)
        said = ""
        try:
            self.trainer(state, which).fit(
                batches, save=lambda state: kept.append((state.epoch, state.batch)), progress=tqdm(disable=True)
            )
        except (DataError, Interrupted) as error:
            said = str(error)
        return {"said": said, "kept": kept, "history": state.history, "model": state.model.state_dict()}

    def dropped(self) -> list[list[float]]:
        """Draw as dropout would in two batches, and in the second once more."""
        masks = []
        for batch in (0, 1, 1):
            self.hardware.seed_batch(1, batch)
            masks.append(torch.rand(4).tolist())
        return masks

    def interrupted(self) -> dict[str, Any]:
        """Train until a signal reaches the last process alone."""

        def training(epoch: int, skip: int) -> Iterator[Batch]:
            for number, batch in enumerate(self.random(4, epoch, skip), start=1):
                if (epoch, number) == (2, 2) and self.share.rank == self.share.of - 1:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield batch

        return self.trained(training)

    def exploded(self) -> dict[str, Any]:
        """Train on clips of which the last process alone has one that is no number."""

        def training(epoch: int, skip: int) -> Iterator[Batch]:
            for batch in self.random(4, epoch, skip):
                view = batch.views["mel"]
                bad = replace(view, values=view.values * float("nan" if self.share.rank == self.share.of - 1 else 1))
                yield replace(batch, views={"mel": bad})

        return self.trained(training)


def everything(work: Work) -> dict[str, Any]:
    """Do all that has a result."""
    return {
        "share": asdict(work.share),
        "gradients": {which: {size: work.gradients(size, which) for size in BATCH_SIZES} for which in RECIPES},
        "predicted": work.predicted(),
        "trained": {which: work.trained(which=which) for which in RECIPES},
        "normalised": {which: work.trained(model=normalised(), which=which) for which in RECIPES},
        "dropped": work.dropped(),
        "interrupted": work.interrupted(),
        "exploded": work.exploded(),
    }


def failing(work: Work) -> None:
    """Train with a loader that fails in the last process alone."""
    batches = work.random(4)
    if work.share.rank == work.share.of - 1:
        work.loader.load = lambda ids, **_: (_ for _ in ()).throw(DataError(f"no such clip: {ids[0]}"))
    log("training")
    trainer = work.trainer(State(work.model(), weight_decay=0.0))
    for batch in prefetch(batches):
        trainer.backward(batch)


def main() -> None:
    """Do a task and leave its result in the folder."""
    task, folder = sys.argv[1], Path(sys.argv[2])
    work = Work(folder, prepare("float32", threads=1, seed=0))
    if task == "failing":
        failing(work)
    else:
        torch.save(everything(work), folder / f"{work.share.rank}-of-{work.share.of}.pt")


if __name__ == "__main__":
    sys.exit(run_stage(main))
