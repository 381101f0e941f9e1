"""Openings of the caches by the stages after stats, each in a process of its own as DVC runs them."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from fmagc.cache.reader import Cache
from fmagc.models.registry import MODELS
from fmagc.params.run import Run
from fmagc.params.schema import check
from fmagc.paths import MELS, PARAMS_FILE, WAVES

__all__ = ["measure_openings"]

_CACHE_OF = {"waveform": "waves", "mel": "mels"}  # by the views of a network


def measure_openings(project: Path) -> dict[str, Any]:
    """Open the caches of a project as explore, train, baseline, evaluate and robustness do, one after the other.

    Returns
    -------
    dict
        How many times each cache is opened; the seconds of all openings, and of the first and the slowest later one;
        and what was read with calls of the system, in MB, which leaves out mapped memory.
    """
    whole_run = check(project / PARAMS_FILE).run
    context = multiprocessing.get_context("spawn")
    opened, took, read = {"waves": 0, "mels": 0}, [], 0
    for caches in _openings(whole_run):
        with ProcessPoolExecutor(1, mp_context=context) as process:
            seconds, n_bytes = process.submit(_open, project, caches).result()
        for name in caches:
            opened[name] += 1
        took.append(seconds)
        read += n_bytes
    return {
        "openings": opened,
        "seconds": {"all": round(sum(took), 3), "first": round(took[0], 3), "later_at_most": round(max(took[1:]), 3)},
        "read_mb": round(read / 1e6, 1),
    }


def _openings(whole_run: Run) -> Iterator[tuple[str, ...]]:
    """Name the caches that each stage opens, in the order of dvc.yaml."""
    yield ("waves", "mels")  # explore
    of_models = [tuple(_CACHE_OF[view] for view in MODELS[name].inputs) for name in whole_run.models]
    for _ in whole_run.protocols:
        yield from of_models * len(whole_run.seeds)  # train
        yield from [("mels",)] * len(whole_run.baselines)
        yield from of_models  # evaluate
        yield ("waves",)  # robustness


def _open(project: Path, caches: tuple[str, ...]) -> tuple[float, int]:
    """Open caches; return the seconds and the bytes read."""
    os.chdir(project)
    folders = {"waves": (WAVES, "decode"), "mels": (MELS, "mel")}
    before, started = _bytes_read(), time.perf_counter()
    for name in caches:
        folder, stage = folders[name]
        Cache(folder, name, stage=stage)
    return time.perf_counter() - started, _bytes_read() - before


def _bytes_read() -> int:
    counters = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(counters["rchar"])
