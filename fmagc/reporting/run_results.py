"""Read the results of a run: the files that its stages wrote for each model and baseline."""

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.evaluation.predictions import Predictions
from fmagc.params.run import Run
from fmagc.paths import (
    ARCHITECTURES,
    CARD,
    CLIP_COUNTS,
    CLIP_METRICS,
    CONFUSION,
    DETAILS,
    HISTORY,
    MODELS_FOLDER,
    PREDICTIONS,
    ROBUSTNESS,
    TIMELINES,
    TRACK_METRICS,
    VALIDATION,
    training_folder,
)
from fmagc.reporting.leaderboard import Entry
from fmagc.runtime.files import read_json, read_record

__all__ = [
    "find_leftovers",
    "read_architecture",
    "read_clip_counts",
    "read_confusion_counts",
    "read_entries",
    "read_error_analysis",
    "read_histories",
    "read_predictions",
    "read_robustness",
    "read_timeline",
]


def read_entries(whole_run: Run) -> list[Entry]:
    """Read the metrics, and the cards of the networks, of every protocol and model of a run."""
    networks = [(name, whole_run.seeds) for name in whole_run.models]
    baselines: list[tuple[str, list[int]]] = [(name, []) for name in whole_run.baselines]
    return [
        _entry(protocol, name, seeds)
        for protocol, (name, seeds) in product(whole_run.protocols, [*networks, *baselines])
    ]


def read_histories(whole_run: Run, protocols: Sequence[str]) -> pd.DataFrame:
    """Read the histories of all trainings of some protocols as one table."""
    runs = product(protocols, whole_run.models, whole_run.seeds)
    paths = [HISTORY / protocol / model / f"{seed}.csv" for protocol, model, seed in runs]
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def read_confusion_counts(protocol: str, *, model: str, genres: Sequence[str]) -> npt.NDArray[np.int64]:
    """Read the confusion matrix of a model [shape=(K, K), int64]: rows are true genres, columns predicted ones."""
    table = pd.read_csv(CONFUSION / protocol / f"{model}.csv", dtype=str, keep_default_na=False)
    counts = pd.crosstab(table["true"], table["predicted"]).reindex(
        index=list(genres), columns=list(genres), fill_value=0
    )
    return counts.to_numpy(dtype=np.int64)


def read_clip_counts(protocol: str, *, models: Sequence[str]) -> pd.DataFrame:
    """Read the tables of clip counts (`evaluation.clips_per_track`) of the networks of a protocol as one table."""
    return pd.concat([pd.read_csv(CLIP_COUNTS / protocol / f"{model}.csv") for model in models], ignore_index=True)


def read_robustness(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of predictions and of encoders that `robustness.experiment.run_experiment` returns."""
    predictions, encoders = (pd.read_csv(ROBUSTNESS / protocol / f"{name}.csv") for name in ("predictions", "encoders"))
    return predictions, encoders


def read_predictions(entry: Entry) -> Predictions:
    """Read the predictions of a model or baseline for clips."""
    return Predictions.read(PREDICTIONS / entry.protocol / f"{entry.model}.csv")


def read_error_analysis(entry: Entry) -> dict[str, Any]:
    """Read the error analysis of a model or baseline (`evaluation.error_analysis.analyse`)."""
    stage = _stage(entry.protocol, entry.model, is_network=bool(entry.cards))
    found: dict[str, Any] = read_json(DETAILS / entry.protocol / f"{entry.model}.json", stage=stage)
    return found


def read_timeline(protocol: str, *, model: str) -> pd.DataFrame:
    """Read the predictions of a network along one track (`inference.timeline.predict_timeline`)."""
    return pd.read_csv(TIMELINES / protocol / f"{model}.csv", float_precision="round_trip")


def read_architecture(entry: Entry) -> dict[str, Any]:
    """Read the parts of a network and their connections (`inference.trace_model`), as ``parts`` and ``edges``."""
    stage = _stage(entry.protocol, entry.model, is_network=True)
    found: dict[str, Any] = read_json(ARCHITECTURES / entry.protocol / f"{entry.model}.json", stage=stage)
    return found


def find_leftovers(whole_run: Run) -> list[Path]:
    """Find results of protocols, models and seeds that the run no longer names; DVC counts them as dependencies."""
    protocols, models, seeds = set(whole_run.protocols), set(whole_run.models), set(map(str, whole_run.seeds))
    names = models | set(whole_run.baselines)
    found: list[Path] = []
    folders = [MODELS_FOLDER, HISTORY, VALIDATION, PREDICTIONS, DETAILS, CLIP_COUNTS, TIMELINES, ARCHITECTURES]
    for folder in [*folders, TRACK_METRICS, CLIP_METRICS, CONFUSION]:
        found += [path for path in folder.glob("*") if path.name not in protocols]
        found += [path for path in folder.glob("*/*") if path.stem not in names and path.parent.name in protocols]
        found += [path for path in folder.glob("*/*/*") if path.stem not in seeds and path.parent.name in models]
    return sorted(found)


def _entry(protocol: str, name: str, seeds: Sequence[int]) -> Entry:
    cards = {seed: training_folder(protocol, name, seed) / CARD for seed in seeds}
    stage = _stage(protocol, name, is_network=bool(seeds))
    return Entry(
        protocol=protocol,
        model=name,
        track=read_json(TRACK_METRICS / protocol / f"{name}.json", stage=stage),
        clip=read_json(CLIP_METRICS / protocol / f"{name}.json", stage=stage),
        cards=[read_record(path, stage=f"train@{protocol}-{name}-{seed}") for seed, path in cards.items()],
    )


def _stage(protocol: str, name: str, *, is_network: bool) -> str:
    return f"{'evaluate' if is_network else 'baseline'}@{protocol}-{name}"
