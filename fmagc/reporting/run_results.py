"""Read the results of a run: the files that its stages wrote for each model and baseline."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.corpus.index import read_split
from fmagc.errors import DataError
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
    SHARE_DETAILS,
    SHARE_METRICS,
    SHARE_MODELS,
    SHARE_PREDICTIONS,
    SPLITS,
    TIMELINES,
    TRACK_METRICS,
    VALIDATION,
    share_results,
    training_folder,
)
from fmagc.reporting.entries import Entry, TestSet
from fmagc.runtime.files import damaged, file_digest, read_json, read_record
from fmagc.runtime.tables import read_csv
from fmagc.tasks.task import labels_of

__all__ = [
    "confusion_counts",
    "find_leftovers",
    "read_architecture",
    "read_clip_counts",
    "read_confusion_counts",
    "read_entries",
    "read_error_analysis",
    "read_histories",
    "read_predictions",
    "read_robustness",
    "read_share_results",
    "read_test_set",
    "read_timeline",
]

_SHARE_STAGES = {"evaluate": "share", "baseline": "share_baseline", "probe": "share_probe"}  # by that of the whole set


def read_entries(whole_run: Run) -> list[Entry]:
    """Read the metrics, and the cards of the networks, of every protocol and model of a run."""
    makers = (("evaluate", whole_run.models), ("baseline", whole_run.baselines), ("probe", whole_run.encoders))
    rows = [(stage, name, whole_run.seeds if stage == "evaluate" else []) for stage, names in makers for name in names]
    return [
        _entry(protocol, name, stage, seeds) for protocol, (stage, name, seeds) in product(whole_run.protocols, rows)
    ]


def read_histories(whole_run: Run, protocols: Sequence[str]) -> pd.DataFrame:
    """Read the histories of all trainings of some protocols as one table."""
    histories = [
        read_csv(HISTORY / protocol / model / f"{seed}.csv", stage=f"train@{protocol}-{model}-{seed}", cached=False)
        for protocol, model, seed in product(protocols, whole_run.models, whole_run.seeds)
    ]
    return pd.concat(histories, ignore_index=True)


def read_confusion_counts(entry: Entry, *, genres: Sequence[str]) -> npt.NDArray[np.float64]:
    """Read the confusions of a model [shape=(K, K)] (`evaluation.confusions`): rows are true genres."""
    return confusion_counts(CONFUSION / entry.protocol / f"{entry.model}.csv", genres=genres, stage=_stage_of(entry))


def confusion_counts(path: Path, *, genres: Sequence[str], stage: str) -> npt.NDArray[np.float64]:
    """Read confusions from the file that a stage wrote; see `read_confusion_counts`."""
    types = {"true": str, "predicted": str, "tracks": float}
    table = read_csv(path, stage=stage, cached=False, dtype=types, keep_default_na=False)
    counts = table.pivot(index="true", columns="predicted", values="tracks")
    return counts.reindex(index=list(genres), columns=list(genres)).fillna(0).to_numpy(dtype=np.float64)


def read_clip_counts(protocol: str, *, models: Sequence[str]) -> pd.DataFrame:
    """Read the tables of clip counts (`evaluation.clips_per_track`) of the networks of a protocol as one table."""
    tables = [
        read_csv(CLIP_COUNTS / protocol / f"{model}.csv", stage=f"evaluate@{protocol}-{model}") for model in models
    ]
    return pd.concat(tables, ignore_index=True)


def read_robustness(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of predictions and of encoders that `robustness.experiment.run_experiment` returns."""
    predictions, encoders = (
        read_csv(ROBUSTNESS / protocol / f"{name}.csv", stage=f"robustness@{protocol}")
        for name in ("predictions", "encoders")
    )
    return predictions, encoders


def read_predictions(entry: Entry) -> Predictions:
    """Read the predictions of a model or baseline for clips.

    Raises
    ------
    DataError
        As `Predictions.read`; when they are of other genres or tracks than the split now has: it was drawn anew, by a
        stage that was run alone.
    """
    path, stage = PREDICTIONS / entry.protocol / f"{entry.model}.h5", _stage_of(entry)
    found, split = Predictions.read(path, stage=stage), read_split(entry.protocol)
    of_split = labels_of(split).genres
    strangers = set(found.track_ids.tolist()) - set(split["track_id"])
    if found.genres != of_split or strangers:
        raise DataError(
            f"{path}: expected predictions of tracks and genres of {SPLITS / f'{entry.protocol}.csv'}, found "
            f"{len(strangers)} tracks that it lacks, and {len(found.genres)} genres in place of {len(of_split)}: run "
            "`dvc repro`"
        )
    return found


def read_test_set(entry: Entry, *, audits: Mapping[str, Any], cleaning: Mapping[str, Any]) -> TestSet:
    """Describe the test set of a protocol by the predictions of one of its models.

    Parameters
    ----------
    entry : Entry
    audits : mapping of str to mapping
        Of the split of each protocol (`paths.AUDIT`).
    cleaning : mapping of str to Any
        What could be decoded (`paths.CLEANING`).
    """
    return TestSet.of(
        read_predictions(entry),
        audit=audits[entry.protocol],
        accepted=cleaning["accepted_by_set"][entry.protocol],
        training=cleaning["training_by_genre"][entry.protocol],
    )


def read_share_results(entry: Entry, share: float) -> tuple[int, Predictions]:
    """Read the number of tracks of a share of the training set, and the predictions of a model trained on it."""
    stage = f"{_SHARE_STAGES[entry.stage]}@{entry.protocol}-{share}-{entry.model}"
    name = share_results(entry.protocol, share, entry.model)
    size = read_record(SHARE_DETAILS / f"{name}.json", stage=stage)["training_tracks"]
    return size, Predictions.read(SHARE_PREDICTIONS / f"{name}.h5", stage=stage)


def read_error_analysis(entry: Entry) -> dict[str, Any]:
    """Read the error analysis of a model or baseline (`evaluation.error_analysis.analyse`)."""
    return read_record(DETAILS / entry.protocol / f"{entry.model}.json", stage=_stage_of(entry))


def read_timeline(protocol: str, *, model: str) -> pd.DataFrame:
    """Read the predictions of a network along one track (`inference.timeline.predict_timeline`)."""
    stage = f"evaluate@{protocol}-{model}"
    return read_csv(TIMELINES / protocol / f"{model}.csv", stage=stage, float_precision="round_trip")


def read_architecture(entry: Entry) -> dict[str, Any]:
    """Read the parts of a network and their connections (`inference.trace_model`), as ``parts`` and ``edges``."""
    return read_record(ARCHITECTURES / entry.protocol / f"{entry.model}.json", stage=_stage_of(entry))


def find_leftovers(whole_run: Run) -> list[Path]:
    """Find results that the run no longer names: DVC counts them as dependencies."""
    protocols, models, seeds = set(whole_run.protocols), set(whole_run.models), set(map(str, whole_run.seeds))
    names = models | set(whole_run.baselines) | set(whole_run.encoders)
    found: list[Path] = []
    folders = [MODELS_FOLDER, HISTORY, VALIDATION, PREDICTIONS, DETAILS, CLIP_COUNTS, TIMELINES, ARCHITECTURES]
    share_folders = [SHARE_MODELS, SHARE_PREDICTIONS, SHARE_DETAILS, SHARE_METRICS]
    shares = set(map(str, whole_run.train_shares))
    for folder in share_folders:
        found += [path for path in folder.glob("*") if path.name not in protocols or not shares]
        found += [path for path in folder.glob("*/*") if path.name not in shares and shares]
        found += [path for path in folder.glob("*/*/*") if path.stem not in names and path.parent.name in shares]
    for folder in [*folders, TRACK_METRICS, CLIP_METRICS, CONFUSION]:
        found += [path for path in folder.glob("*") if path.name not in protocols and path not in share_folders]
        found += [path for path in folder.glob("*/*") if path.stem not in names and path.parent.name in protocols]
        found += [path for path in folder.glob("*/*/*") if path.stem not in seeds and path.parent.name in models]
    return sorted(found)


def _entry(protocol: str, name: str, maker: str, seeds: Sequence[int]) -> Entry:
    cards = {seed: training_folder(protocol, name, seed) / CARD for seed in seeds}
    stage = f"{maker}@{protocol}-{name}"
    digests = read_record(DETAILS / protocol / f"{name}.json", stage=stage)["metrics"]
    return Entry(
        protocol=protocol,
        model=name,
        track=_metrics(TRACK_METRICS / protocol / f"{name}.json", expected=digests["track"], stage=stage),
        clip=_metrics(CLIP_METRICS / protocol / f"{name}.json", expected=digests["clip"], stage=stage),
        cards=[read_record(path, stage=f"train@{protocol}-{name}-{seed}") for seed, path in cards.items()],
        stage=maker,
    )


def _metrics(path: Path, *, expected: str, stage: str) -> dict[str, float]:
    """Read the metrics of one level, whose digest stands in the error analysis of the same model."""
    found = file_digest(path) if path.exists() else "no file"
    if found != expected:
        raise damaged(path, expected=expected, found=found, stage=stage, cached=False)
    metrics: dict[str, float] = read_json(path, stage=stage)
    return metrics


def _stage_of(entry: Entry) -> str:
    return f"{entry.stage}@{entry.protocol}-{entry.model}"
