"""The plan of robustness: which tracks are chosen, and what they are long enough for."""

from typing import Any

import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.params.robustness import Robustness
from fmagc.robustness.plan import Plan, choose, demands_of, plan_for

EMPTY: dict[str, Any] = {name: [] for name in Robustness.model_fields if name not in ("tracks", "encoder_steps")}


class Reaching:
    """A network whose encoder sees two frames beyond a clip, and takes ten a step."""

    def margin_frames(self, step: float) -> int:
        return 2 + round(10 * step)


def settings(*, tracks: int = 4, encoder_steps: list[float], **strengths: list[float]) -> Robustness:
    return Robustness(tracks=tracks, encoder_steps=encoder_steps, **EMPTY | strengths)


def plan(lengths: list[int], own: Robustness) -> Plan:
    tracks = pd.DataFrame({"track_id": range(len(lengths)), "label": 0, "n_frames": lengths})
    models: list[Any] = [Reaching()]
    return plan_for(tracks, models=models, settings=own, clip_frames=100, frames_per_s=20.0)


def test_tracks_lie_evenly_in_the_test_set() -> None:
    tracks = pd.DataFrame({"track_id": range(12), "label": [1, 0] * 6})
    assert choose(tracks, at_most=4)["track_id"].tolist() == [3, 9, 2, 8]
    assert choose(tracks, at_most=99)["track_id"].tolist() == [1, 3, 5, 7, 9, 11, 0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize(
    ("strengths", "frames"),
    [
        ({"time_shift_s": [1.0, 4.0]}, [100 + 2 * 20, 100 + 2 * 80]),  # the middle, and a shift on either side
        ({"time_shift_s": [0.01]}, [100 + 2]),
        ({"time_stretch_rate": [0.5, 1.5]}, [100, 152]),  # 101 frames of a track 1.5 times as short
        ({"pitch_shift_semitones": [2.0]}, [100]),
    ],
)
def test_every_transformed_clip_is_music_from_end_to_end(strengths: dict[str, list[float]], frames: list[int]) -> None:
    models: list[Any] = [Reaching()]
    own = settings(encoder_steps=[0.5], **strengths)
    window, *others = demands_of(own, models=models, clip_frames=100, frames_per_s=20.0)
    assert (window.key, window.frames) == ("encoder_steps", 100 + 2 + 5)
    assert [demand.frames for demand in others] == frames


def test_tracks_are_long_enough_for_all_that_is_measured() -> None:
    found = plan([150, 150, 101, 150], settings(encoder_steps=[0.5, 2.0], time_shift_s=[1.0], gain_db=[6.0]))
    assert found.tracks["track_id"].tolist() == [0, 1, 3]
    assert found.steps == [0.5, 2.0]
    assert [(own.name, own.strength) for own in found.transforms] == [("time_shift_s", 1.0), ("gain_db", 6.0)]
    assert found.window_frames == 122
    assert found.left_out == ""


def test_tracks_just_as_long_as_a_clip_are_measured_where_no_more_is_needed() -> None:
    own = settings(encoder_steps=[0.5, 1.0], time_shift_s=[1.0], gain_db=[6.0], time_stretch_rate=[0.9, 1.1])
    found = plan([100] * 6, own)
    assert len(found.tracks) == 4
    assert found.steps == []
    assert [(own.name, own.strength) for own in found.transforms] == [("gain_db", 6.0), ("time_stretch_rate", 0.9)]
    assert found.left_out == (
        "left out, with the length that a test track needs: robustness.encoder_steps 0.5 (5.3 s), 1 (5.6 s); "
        "robustness.time_shift_s 1 (7.0 s); robustness.time_stretch_rate 1.1 (5.6 s); "
        "the longest test tracks, 3 of 6, have 5.0 s or more"
    )


def test_a_few_long_tracks_do_not_stand_for_all() -> None:
    own = settings(encoder_steps=[2.0], gain_db=[6.0])
    assert plan([200, *[100] * 5], own).steps == []
    assert len(plan([200, *[100] * 5], own).tracks) == 4
    assert plan([*[200] * 3, *[100] * 3], own).tracks["track_id"].tolist() == [0, 1, 2]
    assert len(plan([*[200] * 4, *[100] * 50], own).tracks) == 4  # as many as robustness.tracks asks for


def test_a_test_set_without_tracks_is_told() -> None:
    with pytest.raises(DataError, match="expected test tracks in the cache, found none"):
        plan([], settings(encoder_steps=[0.5], gain_db=[6.0]))
