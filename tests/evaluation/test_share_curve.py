"""Scores over the number of training tracks: who leads, who is above whom, and where a difference is significant."""

from collections.abc import Mapping

import numpy as np
import pytest

from fmagc.errors import DataError
from fmagc.evaluation.share_curve import ShareCurve
from fmagc.evaluation.significance import Correctness
from tests.support.predictions import predictions_of

N_TRACKS = 60
SIZES = (50, 100, 200)


def correctness(model: str, n_right: int, *, first: int = 0) -> Correctness:
    """Predict the first tracks of two genres right, each track by an artist of its own."""
    labels = np.arange(N_TRACKS) % 2
    predicted = np.where(np.arange(N_TRACKS) < n_right, labels, 1 - labels)
    ids = np.arange(first, first + N_TRACKS)
    return Correctness.of(
        predictions_of(
            np.eye(2)[predicted],
            protocol="official",
            model=model,
            seed=0,
            track_ids=ids,
            artist_ids=ids,
            sets=["test"] * N_TRACKS,
            clips=[0] * N_TRACKS,
            labels=labels,
            genres=["Folk", "Rock"],
        ),
        resamples=200,
        seed=0,
    )


def curve_of(**n_right: tuple[int, int, int]) -> ShareCurve:
    by_size: Mapping[int, Mapping[str, Correctness]] = {
        size: {model: correctness(model, n[place]) for model, n in n_right.items()} for place, size in enumerate(SIZES)
    }
    return ShareCurve.of(by_size, baselines=["svm", "majority"])


def test_scores_are_those_of_the_leaderboard_with_their_intervals() -> None:
    table = curve_of(resnet=(20, 30, 45), svm=(30, 30, 30)).table
    row = table[(table["tracks"] == 200) & (table["model"] == "resnet")].iloc[0]
    assert row["macro_f1"] == pytest.approx(0.75, abs=0.01)
    assert 0.6 < row["macro_f1_low"] < row["macro_f1"] < row["macro_f1_high"] < 0.9
    assert table["tracks"].tolist() == [50, 50, 100, 100, 200, 200]


def test_leaders_and_crossings_are_found() -> None:
    curve = curve_of(majority=(3, 3, 3), svm=(30, 34, 36), resnet=(20, 40, 54), cnn=(10, 20, 30))
    assert curve.models == ["resnet", "svm", "cnn", "majority"]
    assert curve.leaders == {"svm": [50], "resnet": [100, 200]}
    assert curve.reference == "svm"
    assert curve.above("resnet", "svm") == [100, 200]
    assert curve.above("cnn", "svm") == []


def test_a_difference_is_significant_where_its_interval_leaves_out_0() -> None:
    curve = curve_of(svm=(30, 30, 30), resnet=(31, 32, 54))
    assert curve.above("resnet", "svm") == [50, 100, 200]
    assert curve.significantly_above("resnet", "svm") == [200]
    assert curve.significantly_above("svm", "resnet") == []


def test_without_a_baseline_there_is_no_reference() -> None:
    assert curve_of(resnet=(1, 2, 3)).reference is None


def test_models_of_one_size_are_tested_on_the_same_tracks() -> None:
    models = {"a": correctness("a", 20), "b": correctness("b", 20, first=7)}
    with pytest.raises(DataError, match="found others"):
        ShareCurve.of({50: models}, baselines=[])
