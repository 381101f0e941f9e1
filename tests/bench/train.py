"""Compare training with the peak of the machine: `python -m tests.bench.train [CORPUS]`.

CORPUS is a folder in FMA's layout (it holds the audio folder ``fma_*``); without one, tracks of the demo are
synthesised. Their cache is made in a temporary folder below the working directory. For each model the contenders take
training steps on batches of equal size, one after the other in every round:

* compute: as the stage trains, on batches that wait in memory;
* fed: the same, its batches read from the cache and augmented as ``params.yaml`` says, prepared ahead;
* float32: float32, channels first, torch's own layers, on the batches that wait in memory;
* naive: the network of float32, its clips decoded, cut, augmented and turned into spectrograms by librosa, item by
  item, in a torch DataLoader with two workers.

The ratios are medians over the rounds, each of a loop that is under way: first batches are not counted. `gflops` is
what compute does in convolutions and products, those of torch's own layers, against a product of two matrices.
"""

import argparse
import contextlib
import itertools
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import librosa
import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode

from fmagc.cache.build.mels import make_mels
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.manifest import read_manifest
from fmagc.cache.normalisation import Normalisation
from fmagc.dataset.batch import Batch
from fmagc.dataset.clips import ClipLoader, prefetch
from fmagc.devices.device import Hardware, prepare
from fmagc.models.build import build
from fmagc.models.conv import OneChannelConv2d
from fmagc.models.registry import MODELS
from fmagc.params.run import Run
from fmagc.params.signal import Audio, Clip, Mel
from fmagc.params.training import GaussianNoise, TimeStretch, Train
from fmagc.paths import MELS, WAVES
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import file_sha1
from fmagc.training.batches import RandomBatches
from tests.support.mini_corpus import write_mini

N_CLASSES = 8
Step = Callable[[Mapping[str, Tensor], Tensor], None]


class Item(Dataset[tuple[dict[str, Tensor], int]]):
    """One clip at a time out of its MP3, as notebooks do it."""

    def __init__(self, paths: list[str], views: tuple[str, ...], *, clip: Clip, mel: Mel, train: Train) -> None:
        self._paths, self._views, self._clip, self._mel, self._train = paths, views, clip, mel, train

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, n: int) -> tuple[dict[str, Tensor], int]:
        rng = np.random.default_rng(n)
        y, sr = librosa.load(self._paths[n], sr=None)
        rates = [a.max_rate for a in self._train.augment if isinstance(a, TimeStretch)]
        window = int(self._clip.samples * max([1.0, *rates]))
        start = rng.integers(max(len(y) - window, 1))
        y = y[start : start + window]
        for augmentation in self._train.augment:
            if rng.random() < augmentation.p:
                match augmentation:
                    case GaussianNoise():
                        amplitude = rng.uniform(augmentation.min_amplitude, augmentation.max_amplitude)
                        y = y + np.float32(amplitude) * rng.standard_normal(len(y), dtype=np.float32)
                    case TimeStretch():
                        rate = rng.uniform(augmentation.min_rate, augmentation.max_rate)
                        y = librosa.effects.time_stretch(y, rate=rate)
        y = librosa.util.fix_length(y[: self._clip.samples], size=self._clip.samples)
        views = {"waveform": torch.from_numpy(y)}
        if "mel" in self._views:
            n_fft, hop_length, n_mels = self._mel.n_fft, self._mel.hop_length, self._mel.n_mels
            S = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels)
            S_db = librosa.power_to_db(S, ref=np.max)[:, : self._clip.samples // hop_length]
            views["mel"] = torch.from_numpy(np.ascontiguousarray(S_db.T / 40 + 1))
        return {view: views[view] for view in self._views}, n % N_CLASSES


def make_cache(corpus: Path, *, n_tracks: int, audio: Audio, clip: Clip, mel: Mel) -> list[str]:
    """Make the cache of a corpus's first tracks in the working directory; return the paths by track id."""
    files = sorted(corpus.glob("fma_*/*/*.mp3"))[:n_tracks]
    if not files:
        sys.exit(f"{corpus}: expected fma_*/*/*.mp3 below it, found none")
    columns = {"track_id": range(len(files)), "path": map(str, files), "sha1": map(file_sha1, files), "listed_sha1": ""}
    with ArtifactStore("decode", root=Path("store")) as store:
        make_waves(pd.DataFrame(columns), raw=Path("/"), audio=audio, clip=clip, store=store, out=WAVES)
    waves = read_manifest(WAVES, stage="decode")
    with ArtifactStore("mel", root=Path("store")) as store:
        make_mels(waves, mel, store=store, out=MELS)
    return [str(file) for file in files]


def step_of(model: nn.Module, hardware: Hardware) -> Step:
    """Make a training step, as `training.loop.Trainer` has it."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-4, fused=True)

    def step(views: Mapping[str, Tensor], target: Tensor) -> None:
        with hardware.autocast():
            logits = model(views)
        loss = nn.functional.cross_entropy(logits.float(), target.to(hardware.device))
        loss.item()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    return step


def plain(model: nn.Module) -> nn.Module:
    """Turn every layer that is this project's into torch's own of the same function."""
    for module in model.modules():
        if isinstance(module, OneChannelConv2d):
            module.__class__ = nn.Conv2d
    return model


def seconds(batches: Iterator[Any], work: Callable[[Any], None], *, skip: int, count: int) -> float:
    """Time `count` batches of a loop after its first ones; a second a batch."""
    for batch in itertools.islice(batches, skip):
        work(batch)
    start = perf_counter()
    for batch in itertools.islice(batches, count):
        work(batch)
    return (perf_counter() - start) / count


class Contest:
    """The contenders of one model."""

    def __init__(self, name: str, paths: list[str], *, clip: Clip, mel: Mel, train: Train, threads: int) -> None:
        z_score = {"waveform": Normalisation([0.0], [0.2], []), "mel": Normalisation([-40.0] * 128, [20.0] * 128, [])}
        self._views = MODELS[name].inputs
        self._train, self._threads = train, threads
        self._loader = ClipLoader.open({v: z_score[v] for v in self._views}, clip_samples=clip.samples, mel=mel)
        split = pd.DataFrame({"track_id": range(len(paths)), "genre": "Folk", "set": "train"})
        tracks = self._loader.tracks(split, genres=["Folk"])
        self._tracks = tracks
        item = Item([paths[n] for n in tracks["track_id"]], self._views, clip=clip, mel=mel, train=train)
        self._naive = DataLoader(item, batch_size=train.batch_size, num_workers=2, drop_last=True)
        self._shape = {"clip_samples": clip.samples, "hop_length": mel.hop_length, "n_mels": mel.n_mels}
        self._hardware = prepare(train.precision, threads=threads, seed=0)
        model = build(name, n_classes=N_CLASSES, dropout=0.3, **self._shape)
        self._hardware.setup_model(model)
        self._step = step_of(model, self._hardware)
        self._reference = plain(build(name, n_classes=N_CLASSES, dropout=0.3, **self._shape))
        float32 = prepare("float32", threads=threads, seed=0)
        self._plain_step = step_of(self._reference.to(float32.device), float32)

    def _batches(self, count: int) -> Iterator[Batch]:
        rows = pd.concat([self._tracks] * -(-count * self._train.batch_size // len(self._tracks)))
        chosen = rows[: count * self._train.batch_size]
        return RandomBatches(
            self._loader, chosen, rounds=1, batch_size=self._train.batch_size, augment=self._train.augment, seed=0
        ).epoch(1)

    def round(self, count: int, *, with_naive: bool = True) -> dict[str, float]:
        """Time each contender: seconds a batch."""
        device = self._hardware.device
        stored = list(self._batches(count + 1))
        ours = lambda batch: self._step(batch.on(device), batch.target)  # noqa: E731
        theirs = lambda batch: self._plain_step(batch.on(device), batch.target)  # noqa: E731
        naive = lambda item: self._plain_step({v: x.to(device) for v, x in item[0].items()}, item[1])  # noqa: E731
        times = {
            "compute": seconds(iter(stored), ours, skip=1, count=count),
            "fed": seconds(prefetch(self._batches(count + 1)), ours, skip=1, count=count),
            "float32": seconds(iter(stored), theirs, skip=1, count=count),
        }
        if with_naive:  # each worker gives a batch in turn: what counts is a pair after the first pair
            times["naive"] = seconds(iter(self._naive), naive, skip=2, count=2)
        return times

    def gflop(self) -> float:
        """Count the work of a step."""
        batch = next(self._batches(1))
        with FlopCounterMode(display=False) as counter:
            logits = self._reference(batch.on(self._hardware.device))
            nn.functional.cross_entropy(logits, batch.target.to(logits.device)).backward()  # type: ignore[no-untyped-call]
        return counter.get_total_flops() / 1e9

    def product_gflops(self) -> float:
        """Measure a product of matrices at the precision of compute."""
        dtype = torch.bfloat16 if self._hardware.precision == "bfloat16" else torch.float32
        a = torch.randn(2048, 2048, device=self._hardware.device).to(dtype)
        times = [seconds(iter(range(5)), lambda _: (a @ a)[0, 0].item(), skip=1, count=4) for _ in range(5)]
        return 2 * 2048**3 / 1e9 / median(times)


def measure(contest: Contest, *, rounds: int, batches: int, batch_size: int) -> dict[str, Any]:
    """Measure one model."""
    contest.round(2, with_naive=False)  # compilers and files warm
    table = pd.DataFrame([contest.round(batches) for _ in range(rounds)])
    ratios = {
        "fed_over_compute": table["compute"] / table["fed"],
        "compute_over_float32": table["float32"] / table["compute"],
        "fed_over_naive": table["naive"] / table["fed"],
    }
    rates = {name: float(f"{batch_size / table[name].median():.3g}") for name in table}
    gflops = contest.gflop() / table["compute"].median()
    return {name: round(float(ratio.median()), 3) for name, ratio in ratios.items()} | {
        "clips_per_s": rates,
        "gflops": [round(gflops), round(contest.product_gflops())],
    }


def main() -> None:
    """Print the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--batch-size", type=int, help="without: as params.yaml")
    parser.add_argument("--batches", type=int, default=8, help="of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=64, help="of the corpus; at least four batches of them")
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--threads", type=int, help="without: as params.yaml")
    arguments = parser.parse_args()
    train, clip, mel, audio = Train.load("train"), Clip.load("clip"), Mel.load("mel"), Audio.load("audio")
    train = train.model_copy(update={"batch_size": arguments.batch_size or train.batch_size})
    threads = arguments.threads or Run.load("run").threads
    corpus = arguments.corpus and arguments.corpus.absolute()
    temporary = tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd())
    with temporary as folder, contextlib.chdir(folder):
        if corpus is None:
            corpus = Path(folder)
            write_mini(corpus)
        paths = make_cache(corpus, n_tracks=arguments.tracks, audio=audio, clip=clip, mel=mel)
        results = {}
        for name in arguments.models:
            contest = Contest(name, paths, clip=clip, mel=mel, train=train, threads=threads)
            results[name] = measure(
                contest, rounds=arguments.rounds, batches=arguments.batches, batch_size=train.batch_size
            )
    line: dict[str, Any] = {key: {name: row[key] for name, row in results.items()} for key in results[name]}
    print(json.dumps(line | {"batch_size": train.batch_size, "threads": threads}))  # noqa: T201


if __name__ == "__main__":
    main()
