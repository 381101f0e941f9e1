"""The robustness experiment: every network predicts the same test tracks, as they are and transformed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import rel_entr
from tqdm import tqdm

from fmagc.audio.log_mel import LogMel, compile_log_mel
from fmagc.cache.clip_positions import with_labels
from fmagc.cache.reader import Cache
from fmagc.errors import DataError, RejectedTrack
from fmagc.params.robustness import Robustness
from fmagc.params.signal import Mel, n_frames
from fmagc.robustness.models_under_test import ModelUnderTest
from fmagc.robustness.plan import plan_for
from fmagc.robustness.transformed_clips import Task, Views, transformed_clip
from fmagc.robustness.transforms import CLEAN, Transform, transforms_of
from fmagc.runtime.worker_pool import Prepared, TaskResult, map_isolated
from fmagc.tasks.task import labels_of

__all__ = ["DIVERGENCES", "Results", "run_experiment"]

Floats = NDArray[np.float64]

_TIMEOUT_S = 600.0  # a transformation takes less than a second
_DECIMALS = 6


@dataclass(frozen=True)
class Results:
    """The results of an experiment, a row for each of the settings; what was left out has 0 tracks and no numbers.

    Attributes
    ----------
    predictions : pd.DataFrame
        A row for each model, seed, transform and strength: ``tracks``, their number, ``flipped``, the fraction of them
        whose most probable genre changed, and ``kl``, the mean Kullback-Leibler divergence in nats of the transformed
        clip's probabilities from the clean clip's, for the genres of a track together (`DIVERGENCES`).
    encoders : pd.DataFrame
        A row for each model, seed, view and number of steps: ``tracks`` and the means of the errors of
        `robustness.equivariance.ShiftErrors`.
    n_tracks : int
    left_out : str
        As `robustness.plan.Plan` has it.
    """

    predictions: pd.DataFrame
    encoders: pd.DataFrame
    n_tracks: int
    left_out: str


class _Columns(NamedTuple):
    by: list[str]
    measures: list[str]


_CHANGES = _Columns(["model", "seed", "transform", "strength"], ["flipped", "kl"])
_ERRORS = _Columns(["model", "seed", "view", "steps"], ["equivariance", "invariance"])


def run_experiment(
    models: Sequence[ModelUnderTest], split: pd.DataFrame, *, waves: Cache, settings: Robustness, workers: int
) -> Results:
    """Predict the middle clip of test tracks with all networks, as it is and transformed.

    The clip is the same music for all; a network of patches covers it with them.

    Parameters
    ----------
    split : pd.DataFrame
        The test rows of `corpus.index.read_split`.
    waves : Cache
        The waveforms, with the column ``scale``.
    workers : int
        Processes that transform.

    Raises
    ------
    DataError
        When there is no track, or one could not be transformed.
    """
    mel, sr = Mel.model_validate(models[0].data["mel"]), waves.params["audio"]["sample_rate"]
    clip_frames = n_frames(waves.params["clip"]["samples"], hop_length=mel.hop_length)
    lengths = {track_id: n_frames(length, hop_length=mel.hop_length) for track_id, length in waves.lengths.items()}
    labels = labels_of(split, genres=models[0].data["genres"])
    plan = plan_for(
        with_labels(split, lengths, labels=labels),
        models=models,
        settings=settings,
        clip_frames=clip_frames,
        frames_per_s=sr / mel.hop_length,
    )
    transforms = [CLEAN, *plan.transforms]
    wanted = [(CLEAN, plan.window_frames), *((transform, clip_frames) for transform in transforms)]
    tasks = (
        Task(track_id, np.asarray(waves[track_id].values), waves[track_id].columns["scale"], transform, frames)
        for track_id in plan.tracks["track_id"]
        for transform, frames in wanted
    )
    work = Prepared(partial(transformed_clip, log_mel=LogMel(sr, mel), sr=sr), partial(compile_log_mel, sr, mel))
    outcomes = map_isolated(work, tasks, timeout_s=_TIMEOUT_S, workers=workers)
    changes: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    n_clips = len(plan.tracks) * len(transforms) * sum(len(model.starts(clip_frames)) for model in models)
    with closing(outcomes), tqdm(total=n_clips, unit="clip", desc="robustness") as bar:
        while views := [_views_of(outcome) for outcome in islice(outcomes, len(wanted))]:  # of one track
            window, *variants = views
            for model in models:
                named = {"model": model.name, "seed": model.seed}
                p = model.probabilities(variants, clip_frames=clip_frames, progress=bar)
                changes += [named | change for change in _changes(p, transforms, DIVERGENCES[labels.task.name])]
                if plan.steps:
                    errors += [named | error for error in model.shift_errors(window, shifts=plan.steps)]
    strengths = [(own.name, own.strength) for own in transforms_of(settings)]
    steps = [(own, view, step) for own in models for view in own.encoder_views for step in settings.encoder_steps]
    return Results(
        _means(changes, _CHANGES, rows=[(own.name, own.seed, *strength) for own in models for strength in strengths]),
        _means(errors, _ERRORS, rows=[(own.name, own.seed, view, step) for own, view, step in steps]),
        n_tracks=len(plan.tracks),
        left_out=plan.left_out,
    )


def divergence(expected: Floats, found: Floats) -> Floats:
    """Compute the Kullback-Leibler divergence of `found` from `expected`, in nats, along the last axis."""
    return np.asarray(rel_entr(expected, found).sum(axis=-1))


def divergence_of_each(expected: Floats, found: Floats) -> Floats:
    """Compute the divergence of genres that are independent of each other: the sum of those of each genre's two sides.

    A side of less than the rounding of 1 counts as that much: the divergence stays finite.
    """
    p, q = (np.maximum([side, 1 - side], np.finfo(np.float64).eps) for side in (expected, found))
    return np.asarray(divergence(p, q).sum(axis=0))


DIVERGENCES: Mapping[str, Callable[[Floats, Floats], Floats]] = {"single": divergence, "multi": divergence_of_each}


def _views_of(outcome: TaskResult[Task, Views]) -> Views:
    if isinstance(outcome.result, RejectedTrack):
        task, reason = outcome.task, outcome.result
        raise DataError(
            f"track {task.track_id}: expected its clip after {task.transform}, found {reason.reason}: {reason.detail}; "
            f"run `dvc repro` again, or take {task.transform.strength:g} out of robustness.{task.transform.name}"
        )
    return outcome.result


def _changes(
    p: Floats, transforms: Sequence[Transform], diverged: Callable[[Floats, Floats], Floats]
) -> Iterator[dict[str, Any]]:
    """Compare the probabilities of a track's variants [shape=(N, K)] with those of the first, the clean one."""
    flipped, kl = p.argmax(axis=1) != p[0].argmax(), diverged(np.broadcast_to(p[0], p.shape), p)
    for place, transform in enumerate(transforms[1:], start=1):
        yield {
            "transform": transform.name,
            "strength": float(transform.strength),
            "flipped": float(flipped[place]),
            "kl": float(kl[place]),
        }


def _means(found: list[dict[str, Any]], columns: _Columns, *, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    """Average over tracks, a row for each of `rows`: those that were left out have no tracks and no means."""
    groups = pd.DataFrame(found, columns=[*columns.by, *columns.measures]).groupby(columns.by)
    means = groups.mean().astype(np.float64).round(_DECIMALS)
    means.insert(0, "tracks", groups.size())
    index = pd.MultiIndex.from_tuples(rows, names=columns.by)
    return means.reindex(index).fillna({"tracks": 0}).astype({"tracks": int}).reset_index()
