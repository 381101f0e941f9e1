"""Summaries of a model's predictions: metrics and intervals of its tracks and clips, over its seeds."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.evaluation.metrics import METRICS, metrics_of
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.summary import summarise
from tests.support.predictions import predictions_of

NO_TREE = pd.DataFrame(columns=["genre", "parent", "depth", "is_leaf"])  # a task of one genre a track reads none


def _table(*, seeds=(0,), n_tracks=60, clips=3, sets=None):
    genres = ["Folk", "Hip-Hop", "Pop", "Rock"]
    rng = np.random.default_rng(3)
    labels = np.repeat(rng.integers(0, 4, n_tracks), clips)
    common = {
        "track_ids": np.repeat(np.arange(n_tracks) + 100, clips),
        "artist_ids": np.repeat(np.arange(n_tracks) // 3, clips),
        "sets": np.repeat(sets or ["test", "test", "val"] * (n_tracks // 3), clips).tolist(),
        "clips": np.tile(np.arange(clips), n_tracks),
        "labels": labels,
    }
    tables = []
    for seed in seeds:
        p = np.random.default_rng(seed).dirichlet(np.ones(4), n_tracks * clips)
        p[np.arange(len(p)), labels] += 0.4
        p /= p.sum(axis=1, keepdims=True)
        tables.append(predictions_of(p, protocol="official", model="crnn", seed=seed, genres=genres, **common))
    return Predictions.concatenate(tables)


def _summary(table, **draws):
    return summarise(table, genres=NO_TREE, **draws)


def _expected(table, *, clips):
    columns = [name for name in table.table() if name.startswith("p_")]
    table = table.test.table()
    if not clips:
        table = table.groupby("track_id").agg({"genre": "first", **dict.fromkeys(columns, "mean")})
    labels = [columns.index("p_" + genre) for genre in table["genre"]]
    return metrics_of(labels, probabilities=table[columns].to_numpy())


def test_summary_of_one_seed():
    table = _table()
    track, clip = _summary(table, resamples=300, seed=0)
    bounds = {"accuracy_low", "accuracy_high", "macro_f1_low", "macro_f1_high"}
    assert set(track) == set(clip) == set(METRICS) | {"ece", "ece_scaled"} | bounds
    for found, clips in ((track, False), (clip, True)):
        assert {name: found[name] for name in METRICS} == pytest.approx(_expected(table, clips=clips), abs=6e-7)
        assert found["accuracy_low"] < found["accuracy"] < found["accuracy_high"]
        assert found["macro_f1_low"] < found["macro_f1"] < found["macro_f1_high"]
    assert track["accuracy"] > clip["accuracy"]  # averaging three independent clips helps
    assert json.loads(json.dumps(track)) == track == {name: round(value, 6) for name, value in track.items()}


def test_summary_of_seeds_is_their_mean_and_sample_deviation():
    table = _table(seeds=(0, 1, 5))
    track, _ = _summary(table, resamples=50, seed=0)
    each = [_summary(rows, resamples=50, seed=0)[0] for rows in table.by_seed().values()]
    for name in (*METRICS, "ece", "ece_scaled"):
        values = [metrics[name] for metrics in each]
        assert track[name] == pytest.approx(np.mean(values), abs=1e-6)
        assert track[f"{name}_std"] == pytest.approx(np.std(values, ddof=1), abs=2e-6)


def test_validation_rows_decide_the_temperature_alone():
    table = _table()
    other = replace(table, probabilities=np.where(table.sets[:, None] == "val", 0.25, table.probabilities))
    for found, expected in zip(
        *(_summary(rows, resamples=50, seed=0) for rows in (other, table)),
        strict=True,
    ):
        assert found.pop("ece_scaled") != expected.pop("ece_scaled")
        assert found == expected
    with pytest.raises(DataError, match="crnn: expected rows of the set test, found only val"):
        _summary(table.validation, resamples=50, seed=0)
    with pytest.raises(DataError, match="crnn: expected rows of the set val to fit a temperature to, found none"):
        _summary(table.test, resamples=50, seed=0)


def test_summary_does_not_depend_on_the_order_of_rows():
    table = _table(seeds=(0, 1))
    shuffled = table.select(np.random.default_rng(1).permutation(len(table.labels))).checked(source="x")
    assert _summary(shuffled, resamples=50, seed=0) == _summary(table, resamples=50, seed=0)
