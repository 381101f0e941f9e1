"""All models and baselines of a run, gathered from the files that their stages left."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.params.run import Run
from fmagc.paths import (
    CARD,
    CLIP_COUNTS,
    CLIP_METRICS,
    CONFUSION,
    DETAILS,
    HISTORY,
    MODELS_FOLDER,
    PREDICTIONS,
    ROBUSTNESS,
    TRACK_METRICS,
    VALIDATION,
    training_folder,
)
from fmagc.reporting.leaderboard import Entry
from fmagc.runtime.files import read_json, read_record

__all__ = [
    "clip_counts_of",
    "confusion_counts_of",
    "details_of",
    "entries_of",
    "histories_of",
    "left_over",
    "robustness_tables_of",
]


def entries_of(whole_run: Run) -> list[Entry]:
    """Read the metrics, and the cards of the networks, of every protocol and model of a run."""
    networks = [(name, whole_run.seeds) for name in whole_run.models]
    baselines: list[tuple[str, list[int]]] = [(name, []) for name in whole_run.baselines]
    return [
        _entry(protocol, name, seeds)
        for protocol, (name, seeds) in product(whole_run.protocols, [*networks, *baselines])
    ]


def histories_of(whole_run: Run, protocols: Sequence[str]) -> pd.DataFrame:
    """Join the histories of all trainings of some protocols."""
    runs = product(protocols, whole_run.models, whole_run.seeds)
    paths = [HISTORY / protocol / model / f"{seed}.csv" for protocol, model, seed in runs]
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def confusion_counts_of(protocol: str, name: str, genres: list[str]) -> npt.NDArray[np.int64]:
    """Count the confusion table of a model [shape=(K, K)]: rows are true genres, columns predicted ones."""
    table = pd.read_csv(CONFUSION / protocol / f"{name}.csv", dtype=str, keep_default_na=False)
    counts = pd.crosstab(table["true"], table["predicted"]).reindex(index=genres, columns=genres, fill_value=0)
    return counts.to_numpy(dtype=np.int64)


def clip_counts_of(protocol: str, models: Sequence[str]) -> pd.DataFrame:
    """Join the tables of clip counts (`evaluation.clip_counts`) of the networks of a protocol."""
    return pd.concat([pd.read_csv(CLIP_COUNTS / protocol / f"{model}.csv") for model in models], ignore_index=True)


def robustness_tables_of(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables ``predictions`` and ``encoders`` that `robustness.experiment.run_experiment` makes."""
    predictions, encoders = (pd.read_csv(ROBUSTNESS / protocol / f"{name}.csv") for name in ("predictions", "encoders"))
    return predictions, encoders


def details_of(entry: Entry) -> dict[str, Any]:
    """Read what stands behind the metrics of a model or baseline (`evaluation.details`)."""
    found: dict[str, Any] = read_json(
        DETAILS / entry.protocol / f"{entry.model}.json", stage=_maker(entry.protocol, entry.model, bool(entry.cards))
    )
    return found


def left_over(whole_run: Run) -> list[Path]:
    """Find results of protocols, models and seeds that the run no longer names; DVC counts them as dependencies."""
    protocols, models, seeds = set(whole_run.protocols), set(whole_run.models), set(map(str, whole_run.seeds))
    names = models | set(whole_run.baselines)
    found: list[Path] = []
    folders = [MODELS_FOLDER, HISTORY, VALIDATION, PREDICTIONS, DETAILS, CLIP_COUNTS]
    for folder in [*folders, TRACK_METRICS, CLIP_METRICS, CONFUSION]:
        found += [path for path in folder.glob("*") if path.name not in protocols]
        found += [path for path in folder.glob("*/*") if path.stem not in names and path.parent.name in protocols]
        found += [path for path in folder.glob("*/*/*") if path.stem not in seeds and path.parent.name in models]
    return sorted(found)


def _entry(protocol: str, name: str, seeds: Sequence[int]) -> Entry:
    cards = {seed: training_folder(protocol, name, seed) / CARD for seed in seeds}
    stage = _maker(protocol, name, bool(seeds))
    return Entry(
        protocol=protocol,
        model=name,
        track=read_json(TRACK_METRICS / protocol / f"{name}.json", stage=stage),
        clip=read_json(CLIP_METRICS / protocol / f"{name}.json", stage=stage),
        cards=[read_record(path, stage=f"train@{protocol}-{name}-{seed}") for seed, path in cards.items()],
    )


def _maker(protocol: str, name: str, is_network: bool) -> str:
    return f"{'evaluate' if is_network else 'baseline'}@{protocol}-{name}"
