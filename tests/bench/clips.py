"""Random clips as a trainer gets them, against what people reach for: `python -m tests.bench.clips [project]`.

`project` is a folder whose `data` holds both caches; without one, caches are made up in a temporary folder below the
working directory. All files are warm, and every contender gives batches of 16 random windows of the same tracks:

- fmagc: `RandomBatches` without augmentation, prepared ahead, as they are before they move to the device;
- dataloader: a torch DataLoader with two workers; a clip is one pread at the dataset's offset, at the stored type too;
- gzip: a torch DataLoader with two workers over float32 rows of h5py, gzip level 4, no chunk in more than one row;
- memcpy: np.copyto of windows of arrays in memory into one array.

The line holds medians over interleaved rounds: how many times as fast fmagc is as each of the others, its clips a
second, and the same once they are normalised on the CPU; for waveforms, and under `mel` for spectrograms.
"""

import contextlib
import json
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from torch.utils.data import DataLoader, Dataset

from fmagc.cache.normalisation import Normalisation
from fmagc.cache.reader import Cache
from fmagc.dataset.clips import ClipLoader, prefetch
from fmagc.params.signal import Mel
from fmagc.paths import MELS, WAVES
from fmagc.training.batches import RandomBatches
from tests.support.caches import publish

SAMPLES = 2**19
TRACKS = 64  # 170 MB of waveforms
CLIPS = 512  # of a round
CLIPS_OF_GZIP = 128
ROUNDS = 7
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
BATCH_SIZE = 16


def make_up_caches() -> None:
    """Write tracks of 30 s: two tones in noise, of which gzip makes about as little as of music."""
    rng = np.random.default_rng(0)
    t = np.arange(30 * 44_100, dtype=np.float32) / 44_100
    waves, mels = [], []
    for low, high in rng.uniform((500, 3_000), (3_000, 20_000), size=(TRACKS, 2)).astype(np.float32):
        y = 8_000 * np.sin(low * t) + 4_000 * np.sin(high * t) + 2_000 * rng.standard_normal(len(t), dtype=np.float32)
        waves.append(y.astype(np.int16))
        mels.append(rng.normal(-40, 10, (1 + len(t) // MEL.hop_length, MEL.n_mels)).astype(np.float16))
    params = {"mel": MEL.model_dump(), "audio": {"sample_rate": 44_100}}
    publish(WAVES, waves, params=params, rows_per_shard=16, scale=[1 / 32_767] * TRACKS)
    publish(MELS, mels, params=params, rows_per_shard=16, ref_db=[0.0] * TRACKS)


class Preads(Dataset[torch.Tensor]):
    """Random windows of a cache, each read into memory of its own."""

    def __init__(self, cache: Cache, *, length: int, step: int) -> None:
        rng = np.random.default_rng(1)
        self.rows = [cache[track_id] for track_id in cache.track_ids[:TRACKS]]
        self.length = length
        self.windows = [
            (place, step * int(rng.integers((len(self.rows[place].values) - length) // step + 1)))
            for place in rng.integers(len(self.rows), size=CLIPS).tolist()
        ]
        self._files = {row.path: os.open(row.path, os.O_RDONLY) for row in self.rows}

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, n: int) -> torch.Tensor:
        place, start = self.windows[n]
        row = self.rows[place]
        clip = np.empty((self.length, *row.values.shape[1:]), dtype=row.values.dtype)
        os.preadv(self._files[row.path], [clip], row.offset + start * row.values.strides[0])
        return torch.from_numpy(clip)


class Gzip(Dataset[torch.Tensor]):
    """The first of the same windows, out of a compressed copy of the rows."""

    def __init__(self, path: Path, preads: Preads) -> None:
        self._path, self._preads, self._file = path, preads, None
        longest, tail = max(len(row.values) for row in preads.rows), preads.rows[0].values.shape[1:]
        chunks = (1, 2**16 // int(np.prod(tail, initial=1)), *tail)
        with h5py.File(path, "w") as file:
            shape = (len(preads.rows), longest, *tail)
            rows = file.create_dataset("rows", shape, "f4", chunks=chunks, compression="gzip", compression_opts=4)
            for place, row in enumerate(preads.rows):
                rows[place, : len(row.values)] = row.values * np.float32(row.columns.get("scale", 1))

    def __len__(self) -> int:
        return CLIPS_OF_GZIP

    def __getitem__(self, n: int) -> torch.Tensor:
        self._file = self._file or h5py.File(self._path, "r")  # each worker opens its own
        place, start = self._preads.windows[n]
        return torch.from_numpy(self._file["rows"][place, start : start + self._preads.length])


class Feed:
    """Clips of one view as the trainer gets them, normalised on the CPU if asked."""

    def __init__(self, view: str, track_ids: list[int], mel: Mel, *, normalised: bool) -> None:
        columns = 1 if view == "waveform" else mel.n_mels
        z_score = Normalisation([0.5] * columns, [2.0] * columns, [])
        self._loader = ClipLoader.open({view: z_score}, clip_samples=SAMPLES, mel=mel)
        split = pd.DataFrame({"track_id": track_ids, "genre": "Folk", "set": "train"})
        tracks = self._loader.tracks(split, genres=["Folk"])
        self._tracks = pd.concat([tracks] * -(-CLIPS // len(tracks)))[:CLIPS]
        self._normalised = normalised

    def __iter__(self) -> Iterator[Any]:
        for batch in prefetch(
            RandomBatches(self._loader, self._tracks, batch_size=BATCH_SIZE, augment=[], seed=0).epoch(1)
        ):
            yield batch.on(torch.device("cpu")) if self._normalised else batch


class Memcpy:
    """The same windows out of memory."""

    def __init__(self, preads: Preads) -> None:
        self._preads = preads
        self._rows = [np.array(row.values) for row in preads.rows]
        self._batch = np.zeros((BATCH_SIZE, *preads[0].shape), dtype=self._rows[0].dtype)

    def __iter__(self) -> Iterator[None]:
        for n, (place, start) in enumerate(self._preads.windows):
            np.copyto(self._batch[n % len(self._batch)], self._rows[place][start : start + self._preads.length])
            yield


def clips_per_s(batches: Iterable[Any], n_clips: int) -> float:
    """Time one round."""
    start = perf_counter()
    for _ in batches:
        pass
    return n_clips / (perf_counter() - start)


def compare(view: str, cache: Cache, mel: Mel, scratch: Path) -> dict[str, float]:
    """Measure one view."""
    step = mel.hop_length if view == "waveform" else 1
    preads = Preads(cache, length=SAMPLES // mel.hop_length * step, step=step)
    gzip = Gzip(scratch / f"{view}.h5", preads)
    loader = {"batch_size": BATCH_SIZE, "num_workers": 2, "persistent_workers": True}
    track_ids = cache.track_ids[:TRACKS]
    contenders: dict[str, tuple[Iterable[Any], int]] = {
        "fmagc": (Feed(view, track_ids, mel, normalised=False), CLIPS),
        "normalised": (Feed(view, track_ids, mel, normalised=True), CLIPS),
        "dataloader": (DataLoader(preads, **loader), CLIPS),
        "gzip": (DataLoader(gzip, **loader), CLIPS_OF_GZIP),
        "memcpy": (Memcpy(preads), CLIPS),
    }
    rounds = [{name: clips_per_s(*each) for name, each in contenders.items()} for _ in range(1 + ROUNDS)]
    table = pd.DataFrame(rounds[1:])  # the first starts workers and warms files
    against = {f"vs_{name}": median(table["fmagc"] / table[name]) for name in ("dataloader", "gzip", "memcpy")}
    rates = {"clips_per_s": median(table["fmagc"]), "clips_per_s_normalised_on_cpu": median(table["normalised"])}
    return {name: float(f"{value:.3g}") for name, value in (against | rates).items()}


def main(project: Path | None) -> None:
    """Print the line."""
    temporary = tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd())
    with temporary as scratch, contextlib.chdir(project or scratch):
        if project is None:
            make_up_caches()
        waves = Cache(WAVES, "waves", columns=["scale"], stage="decode")
        mels = Cache(MELS, "mels", stage="mel")
        mel = Mel.model_validate(mels.params["mel"])
        waveform = compare("waveform", waves, mel, Path(scratch))
        print(json.dumps(waveform | {"mel": compare("mel", mels, mel, Path(scratch))}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
