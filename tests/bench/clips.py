"""Random clips as a trainer gets them, against what people reach for: `python -m tests.bench.clips [project]`.

`project` is the folder of a finished run; without one, caches are made up in a temporary folder below the working
directory. All files are warm, and every contender gives batches of 16 random windows of the same training tracks:

- fmagc: `RandomBatches` without augmentation, prepared ahead, as they are before they move to the device;
- dataloader: a torch DataLoader with two workers; a clip is one pread at the dataset's offset, at the stored type too;
- gzip: a torch DataLoader with two workers over float32 rows of h5py, gzip level 4, no chunk in more than one row;
- memcpy: np.copyto of windows of arrays in memory into one array;
- clip_dataset, clip_dataset_2: a torch DataLoader over `fmagc.ClipDataset`, normalised, with no worker and with two;
- hdf5, hdf5_2: the same over the usual Dataset of h5py: uncompressed float32 rows, normalised clip by clip.

The line holds medians over interleaved rounds: how many times as fast fmagc is as the first three others, its clips a
second, and the same once they are normalised on the CPU; then those of clip_dataset, and how many times as fast it is
as h5py with as many workers; for waveforms, and under `mel` for spectrograms.
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

import fmagc
from fmagc.cache.normalisation import Normalisation, read_normalisation
from fmagc.cache.reader import Cache
from fmagc.dataset.clips import prefetch
from fmagc.paths import DATA, STATS
from fmagc.training.batches import RandomBatches
from tests.support.data_folder import SR, write_tracks

SAMPLES = 2**19  # of made-up caches
TRACKS = 64  # 170 MB of waveforms
CLIPS = 512  # of a round
CLIPS_OF_GZIP = 128
ROUNDS = 7
BATCH_SIZE = 16


def make_up_data(folder: Path) -> None:
    """Write tracks of 30 s: two tones in noise, of which gzip makes about as little as of music."""
    rng = np.random.default_rng(0)
    t = np.arange(30 * SR, dtype=np.float32) / SR
    tones = rng.uniform((500, 3_000), (3_000, 20_000), size=(TRACKS, 2)).astype(np.float32)
    tracks = {
        number: 0.24 * np.sin(low * t) + 0.12 * np.sin(high * t) + 0.06 * rng.standard_normal(len(t), dtype=np.float32)
        for number, (low, high) in enumerate(tones)
    }
    write_tracks(folder, tracks, sets=["train"] * TRACKS, clip_samples=SAMPLES)


class Preads(Dataset[torch.Tensor]):
    """Random windows of a cache, each read into memory of its own."""

    def __init__(self, cache: Cache, track_ids: Iterable[int], *, length: int, step: int) -> None:
        rng = np.random.default_rng(1)
        self.rows = [cache[track_id] for track_id in track_ids]
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


class UsualHdf5(Dataset[torch.Tensor]):
    """The same windows out of a copy of the rows in float32, uncompressed; each clip is sliced and normalised alone."""

    def __init__(self, path: Path, preads: Preads, normalisation: Normalisation) -> None:
        self._path, self._preads, self._file = path, preads, None
        self._mean, self._scale = (np.float32(values) for values in (normalisation.mean_, normalisation.scale_))
        with h5py.File(path, "w") as file:
            for place, row in enumerate(preads.rows):
                file[str(place)] = row.values * np.float32(row.columns.get("scale", 1))

    def __len__(self) -> int:
        return CLIPS

    def __getitem__(self, n: int) -> torch.Tensor:
        self._file = self._file or h5py.File(self._path, "r")
        place, start = self._preads.windows[n]
        clip = self._file[str(place)][start : start + self._preads.length]
        return torch.from_numpy((clip - self._mean) / self._scale)


class Feed:
    """Clips of a dataset as the trainer gets them, normalised on the CPU if asked."""

    def __init__(self, dataset: fmagc.ClipDataset, *, normalised: bool) -> None:
        tracks = dataset.tracks[:TRACKS]
        tracks = pd.concat([tracks] * -(-CLIPS // len(tracks)))[:CLIPS]
        self._batches = RandomBatches(dataset.loader, tracks, rounds=1, batch_size=BATCH_SIZE, augment=[], seed=0)
        self._normalised = normalised

    def __iter__(self) -> Iterator[Any]:
        for batch in prefetch(self._batches.epoch(1)):
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


def compare(view: str, cache: fmagc.FeatureCache, scratch: Path) -> dict[str, float]:
    """Measure one view."""
    dataset = fmagc.ClipDataset(cache, views=(view,))
    step = cache.mel.hop_length if view == "waveform" else 1
    preads = Preads(
        cache.reader(view), dataset.tracks["track_id"][:TRACKS], length=dataset.clip_frames * step, step=step
    )
    usual = UsualHdf5(scratch / f"{view}.usual.h5", preads, read_normalisation("official", folder=STATS)[view])
    gzip = Gzip(scratch / f"{view}.gzip.h5", preads)
    plain = {"batch_size": BATCH_SIZE}
    workers = plain | {"num_workers": 2, "persistent_workers": True}
    places = np.random.default_rng(2).integers(len(preads.rows), size=CLIPS).tolist()
    contenders: dict[str, tuple[Iterable[Any], int]] = {
        "fmagc": (Feed(dataset, normalised=False), CLIPS),
        "normalised": (Feed(dataset, normalised=True), CLIPS),
        "dataloader": (DataLoader(preads, **workers), CLIPS),
        "gzip": (DataLoader(gzip, **workers), CLIPS_OF_GZIP),
        "memcpy": (Memcpy(preads), CLIPS),
        "clip_dataset": (DataLoader(dataset, sampler=places, **plain), CLIPS),
        "clip_dataset_2": (DataLoader(dataset, sampler=places, **workers), CLIPS),
        "hdf5": (DataLoader(usual, **plain), CLIPS),
        "hdf5_2": (DataLoader(usual, **workers), CLIPS),
    }
    rounds = [{name: clips_per_s(*each) for name, each in contenders.items()} for _ in range(1 + ROUNDS)]
    table = pd.DataFrame(rounds[1:])  # the first starts workers and warms files
    against = {f"vs_{name}": median(table["fmagc"] / table[name]) for name in ("dataloader", "gzip", "memcpy")}
    rates = {"clips_per_s": median(table["fmagc"]), "clips_per_s_normalised_on_cpu": median(table["normalised"])}
    own = {
        "clip_dataset_clips_per_s": median(table["clip_dataset"]),
        "clip_dataset_2_clips_per_s": median(table["clip_dataset_2"]),
        "clip_dataset_vs_hdf5": median(table["clip_dataset"] / table["hdf5"]),
        "clip_dataset_2_vs_hdf5_2": median(table["clip_dataset_2"] / table["hdf5_2"]),
        "clip_dataset_2_vs_gzip": median(table["clip_dataset_2"] / table["gzip"]),
    }
    return {name: float(f"{value:.3g}") for name, value in (against | rates | own).items()}


def main(project: Path | None) -> None:
    """Print the line."""
    temporary = tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd())
    with temporary as scratch, contextlib.chdir(project or scratch):
        if project is None:
            make_up_data(DATA)
        cache = fmagc.open_cache(DATA)
        waveform = compare("waveform", cache, Path(scratch))
        print(json.dumps(waveform | {"mel": compare("mel", cache, Path(scratch))}))  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
