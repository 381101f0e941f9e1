"""The plan of a robustness experiment: its test tracks, and the settings that they are long enough for.

A track of a clip's length has no music for a shift, and none for the ends of an encoder's window. What most test tracks
are too short for is left out, so that a few long ones do not stand for all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pandas as pd

from fmagc.errors import DataError
from fmagc.params.robustness import Robustness
from fmagc.robustness.models_under_test import ModelUnderTest
from fmagc.robustness.transforms import Transform, transforms_of

__all__ = ["Demand", "Plan", "choose", "demands_of", "plan_for"]


@dataclass(frozen=True)
class Demand:
    """The frames that one value of a setting needs of a track."""

    key: str  # of `params.robustness.Robustness`
    value: float
    frames: int


@dataclass(frozen=True)
class Plan:
    """What is measured, and on which tracks.

    Attributes
    ----------
    tracks : pd.DataFrame
        Of `cache.clip_positions.with_labels`.
    transforms : list of Transform
    steps : list of float
        Shifts, in steps of an encoder's output.
    window_frames : int
        The window on which all steps are compared.
    left_out : str
        The settings that the tracks are too short for; empty where there are none.
    """

    tracks: pd.DataFrame
    transforms: list[Transform]
    steps: list[float]
    window_frames: int
    left_out: str


def plan_for(
    tracks: pd.DataFrame,
    *,
    models: Sequence[ModelUnderTest],
    settings: Robustness,
    clip_frames: int,
    frames_per_s: float,
) -> Plan:
    """Choose tracks, and leave out what too few of them are long enough for.

    Parameters
    ----------
    tracks : pd.DataFrame
        Of the test set, as `cache.clip_positions.with_labels` gives them.
    models : sequence of ModelUnderTest
        Their encoders decide how long a window is.
    settings : Robustness
    clip_frames : int
        Length of a clip.
    frames_per_s : float

    Raises
    ------
    DataError
        When there is no track.
    """
    demands = demands_of(settings, models=models, clip_frames=clip_frames, frames_per_s=frames_per_s)
    if tracks.empty:
        raise DataError("robustness: expected test tracks in the cache, found none: replace the files of the test set")
    enough = min(settings.tracks, math.ceil(len(tracks) / 2))
    held = int(tracks["n_frames"].nlargest(enough).iloc[-1])
    kept, missed = ([own for own in demands if (own.frames <= held) is fits] for fits in (True, False))
    least = max((own.frames for own in kept), default=clip_frames)
    return Plan(
        choose(tracks[tracks["n_frames"] >= least], at_most=settings.tracks),
        [Transform(own.key, own.value) for own in kept if own.key != "encoder_steps"],
        [own.value for own in kept if own.key == "encoder_steps"],
        max((own.frames for own in kept if own.key == "encoder_steps"), default=clip_frames),
        _described(missed, enough=enough, of=len(tracks), held_s=held / frames_per_s, frames_per_s=frames_per_s),
    )


def demands_of(
    settings: Robustness, *, models: Sequence[ModelUnderTest], clip_frames: int, frames_per_s: float
) -> list[Demand]:
    """List what every value of the settings needs, so that each clip is music from end to end.

    A shift moves the middle clip towards the end of the track, where it must not meet the beginning; a faster track is
    shorter, and still holds a clip. The window of an encoder is longer than a clip by its receptive field and the
    shift.
    """
    steps = [
        Demand("encoder_steps", step, clip_frames + max(model.margin_frames(step) for model in models))
        for step in settings.encoder_steps
    ]
    return steps + [
        Demand(own.name, own.strength, _frames_for(own, clip_frames=clip_frames, frames_per_s=frames_per_s))
        for own in transforms_of(settings)
    ]


def choose(tracks: pd.DataFrame, *, at_most: int) -> pd.DataFrame:
    """Choose tracks evenly spaced in the test set, ordered by label and track."""
    ordered = tracks.sort_values(["label", "track_id"])
    n = min(at_most, len(ordered))
    return ordered.iloc[(2 * np.arange(n) + 1) * len(ordered) // (2 * n)]  # the middle of each of n equal parts


def _frames_for(transform: Transform, *, clip_frames: int, frames_per_s: float) -> int:
    if transform.name == "time_shift_s":
        return clip_frames + 2 * math.ceil(transform.strength * frames_per_s)
    if transform.name == "time_stretch_rate" and transform.strength > 1:
        return math.ceil((clip_frames + 1) * transform.strength)
    return clip_frames


def _described(missed: Sequence[Demand], *, enough: int, of: int, held_s: float, frames_per_s: float) -> str:
    if not missed:
        return ""
    settings = [
        f"robustness.{key} " + ", ".join(f"{own.value:g} ({own.frames / frames_per_s:.1f} s)" for own in demands)
        for key, demands in groupby(missed, key=lambda own: own.key)
    ]
    return (
        f"left out, with the length that a test track needs: {'; '.join(settings)}; "
        f"the longest test tracks, {enough} of {of}, have {held_s:.1f} s or more"
    )
