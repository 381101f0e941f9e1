"""The eight metrics against the reference work's tables and against scikit-learn; intervals and summaries."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import draw, intervals
from fmagc.evaluation.metrics import METRICS, confusion_counts, from_confusion, metrics_of
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.single_label import artist_counts, resampled
from fmagc.evaluation.summary import summarise
from tests.support.predictions import predictions_of

NO_TREE = pd.DataFrame(columns=["genre", "parent", "depth", "is_leaf"])  # a task of one genre a track reads none

# The reference work's confusion matrices on 800 test clips (rows true) and what it published beside them: accuracy
# (one-vs-rest), precision, recall, F1 of their means; then plain accuracy and the usual macro-F1 of the same matrices,
# which it did not publish: scikit-learn's numbers for the 800 rows.
REFERENCE = {
    "cnn1d": (
        "37 7 2 14 6 6 5 7 / 5 35 11 6 17 8 3 9 / 0 5 61 1 6 2 10 7 / 4 1 1 67 1 5 7 4 / 0 14 18 1 61 2 13 9 / "
        "7 1 14 7 1 56 11 5 / 3 7 13 8 4 12 32 26 / 1 3 11 1 6 4 7 82",
        (0.88, 0.54, 0.54, 0.54),
        (0.539, 0.532),
    ),
    "cnn2d": (
        "44 13 0 16 3 3 3 2 / 6 50 8 7 3 12 2 6 / 0 6 69 1 5 4 2 5 / 8 0 1 75 0 2 3 1 / 7 15 11 0 69 3 6 7 / "
        "5 1 5 12 1 72 2 4 / 7 9 12 12 7 14 19 25 / 4 6 7 2 1 4 8 83",
        (0.90, 0.59, 0.60, 0.60),
        (0.601, 0.584),
    ),
    "crnn": (
        "54 11 0 5 4 5 5 0 / 7 57 2 1 9 9 2 7 / 1 6 60 0 5 9 6 5 / 11 2 0 66 0 4 4 3 / 8 17 14 1 65 4 2 7 / "
        "7 3 2 4 2 77 2 5 / 10 16 9 5 3 13 27 22 / 3 11 8 2 4 3 9 75",
        (0.90, 0.60, 0.61, 0.60),
        (0.601, 0.596),
    ),
    "mmcrnn": (
        "40 8 2 5 7 12 6 4 / 4 48 8 3 9 13 3 6 / 0 3 68 0 4 8 6 3 / 6 2 1 67 0 6 7 1 / 4 15 28 0 59 3 6 3 / "
        "5 3 7 2 3 80 2 0 / 9 11 25 2 4 15 27 12 / 2 7 7 2 1 8 22 66",
        (0.89, 0.58, 0.57, 0.58),
        (0.569, 0.565),
    ),
}


@pytest.mark.parametrize("model", REFERENCE)
def test_reference_matrices_give_its_published_numbers(model):
    text, published, usual = REFERENCE[model]
    matrix = np.array([[int(cell) for cell in row.split()] for row in text.split("/")])
    assert matrix.sum() == 800
    found = from_confusion(matrix)
    names = ("study_accuracy", "macro_precision", "macro_recall", "study_f1")
    assert tuple(round(found[name], 2) for name in names) == published
    assert tuple(round(found[name], 3) for name in ("accuracy", "macro_f1")) == usual
    y, predicted = (np.repeat(indices, matrix.ravel()) for indices in np.indices(matrix.shape).reshape(2, -1))
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, predicted), abs=1e-12)
    assert found["macro_f1"] == pytest.approx(sk.f1_score(y, predicted, average="macro"), abs=1e-12)


def _random(n_rows, n_classes, *, labels=None, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_rows) if labels is None else rng.choice(labels, n_rows)
    p = rng.dirichlet(np.full(n_classes, 0.7), n_rows)
    p = 0.999 * p + 0.001 / n_classes  # nothing below the floor
    return y, p


@pytest.mark.parametrize(
    ("n_classes", "labels"),
    [(8, None), (8, [0, 1, 2, 4, 5, 6, 7]), (8, [6]), (3, None), (2, None), (16, None)],
    ids=["eight", "one absent", "one alone", "three", "two", "sixteen"],
)
def test_metrics_agree_with_scikit_learn(n_classes, labels):
    y, p = _random(200, n_classes, labels=labels)
    predicted = p.argmax(1)
    macro = {"labels": np.unique(y), "average": "macro", "zero_division": 0}
    P, R = sk.precision_score(y, predicted, **macro), sk.recall_score(y, predicted, **macro)
    one_vs_rest = [sk.accuracy_score(y == k, predicted == k) for k in range(n_classes)]
    every = np.arange(n_classes)
    top3 = sk.top_k_accuracy_score(y, p, k=3, labels=every) if n_classes > 3 else 1.0
    expected = {
        "accuracy": sk.accuracy_score(y, predicted),
        "macro_f1": sk.f1_score(y, predicted, **macro),
        "macro_precision": P,
        "macro_recall": R,
        "study_accuracy": np.mean(one_vs_rest),
        "study_f1": 2 * P * R / (P + R),
        "top3": top3,
        "log_loss": sk.log_loss(y, p, labels=every),
    }
    found = metrics_of(y, probabilities=p)
    assert tuple(found) == METRICS
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_class_that_is_never_predicted_has_precision_zero():
    found = metrics_of([0, 1], probabilities=[[0.9, 0.1], [0.8, 0.2]])
    assert found["macro_precision"] == 0.25
    assert found["macro_recall"] == 0.5


def test_all_wrong_is_zero_and_not_nan():
    found = metrics_of([0, 1], probabilities=[[0.0, 1.0], [1.0, 0.0]])
    assert found["macro_f1"] == found["study_f1"] == found["accuracy"] == 0
    assert found["log_loss"] == pytest.approx(-np.log(5e-7))


def test_equals_rank_as_argmax_ranks_them():
    p = np.full((5, 5), 0.2)
    expected = {0: (1, 1), 1: (0, 1), 2: (0, 1), 3: (0, 0), 4: (0, 0)}
    for label, numbers in expected.items():
        found = metrics_of([label] * 5, probabilities=p)
        assert (found["accuracy"], found["top3"]) == numbers


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([], np.empty((0, 2)), "expected labels"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "from 0 to 1, found 0 to 2"),
        ([0], [[np.nan, 1.0]], "finite"),
        ([0, 1], [[0.5, 0.5]], r"\(2,\) and \(1, 2\)"),
    ],
)
def test_wrong_arrays_are_refused(labels, probabilities, message):
    with pytest.raises(ValueError, match=message):
        metrics_of(labels, probabilities=probabilities)


@pytest.mark.parametrize(
    ("matrix", "message"), [([[1, 2, 3]], "square"), ([[0, 0], [0, 0]], "at least one row"), ([[1, -1], [0, 1]], "-1")]
)
def test_wrong_matrices_are_refused(matrix, message):
    with pytest.raises(ValueError, match=message):
        from_confusion(matrix)


def _rows(*, n_artists, tracks_each, n_seeds=1, n_classes=4, seed=0):
    """Make the columns of a test in which an artist's tracks are all right or all wrong."""
    rng = np.random.default_rng(seed)
    artists = np.repeat(np.arange(n_artists) * 7 + 3, tracks_each)
    labels = np.repeat(rng.integers(0, n_classes, n_artists), tracks_each)
    columns = []
    for run in range(n_seeds):
        right = np.repeat(rng.random(n_artists) < 0.6, tracks_each)
        columns.append((labels, np.where(right, labels, (labels + 1) % n_classes), artists, np.full_like(labels, run)))
    return [np.concatenate(column) for column in zip(*columns, strict=True)]


def _counts(rows, n_classes=4):
    labels, predicted, artists, seeds = rows
    return artist_counts(labels, predicted=predicted, artist_ids=artists, seeds=seeds, n_classes=n_classes)


def _intervals(counts, **draws):
    return intervals(resampled(counts, **draws), n_artists=counts.shape[1])


def test_artist_counts_sum_to_the_confusion_matrix():
    rows = _rows(n_artists=11, tracks_each=3, n_seeds=2)
    counts = _counts(rows)
    assert counts.shape == (2, 11, 4, 4)
    assert (counts.sum(axis=(2, 3)) == 3).all()
    first = rows[3] == 0
    expected = confusion_counts(rows[0][first], predicted=rows[1][first], n_classes=4)
    assert np.array_equal(counts[0].sum(axis=0), expected)


def test_intervals_equal_those_of_resampling_row_by_row():
    rows = _rows(n_artists=9, tracks_each=4, n_seeds=2)
    labels, predicted, artists, seeds = rows
    times, seed_times = draw(9, n_seeds=2, resamples=60, seed=5)
    assert (times.sum(axis=1) == 9).all()
    assert (seed_times.sum(axis=1) == 1).all()
    values = {"accuracy": [], "macro_f1": []}
    for drawn_artists, drawn_seeds in zip(times, seed_times, strict=True):
        picked = np.concatenate(
            [np.tile(np.flatnonzero(artists == a), n) for a, n in zip(np.unique(artists), drawn_artists, strict=True)]
        )
        by_seed = {name: [] for name in values}
        for run in (0, 1):
            of_run = picked[seeds[picked] == run]
            y, guess = labels[of_run], predicted[of_run]
            by_seed["accuracy"].append(sk.accuracy_score(y, guess))
            f1 = sk.f1_score(y, guess, labels=np.unique(y), average="macro", zero_division=0)
            by_seed["macro_f1"].append(f1)
        for name, of_seeds in by_seed.items():
            values[name].append(of_seeds[drawn_seeds.argmax()])  # one of the two
    found = _intervals(_counts(rows), resamples=60, seed=5)
    for name, drawn in values.items():
        assert found[name] == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=1e-12)


def test_rows_of_one_artist_widen_the_interval_as_few_artists_do():
    def width(n_artists, tracks_each):
        counts = _counts(_rows(n_artists=n_artists, tracks_each=tracks_each))
        low, high = _intervals(counts, resamples=1000, seed=0)["accuracy"]
        return high - low

    alone = width(400, 1)
    assert alone == pytest.approx(2 * 1.96 * np.sqrt(0.6 * 0.4 / 400), rel=0.15)  # the binomial interval
    assert width(100, 4) == pytest.approx(2 * alone, rel=0.3)  # a quarter of the independent pieces


def test_seeds_widen_the_interval_by_what_their_mean_is_unsure_of():
    # the seeds differ, the artists do not: all that is left is the standard error of a mean over three seeds
    labels = np.zeros(3 * 40, dtype=np.int64)
    right = np.concatenate([np.arange(40) % 4 < hits for hits in (1, 2, 4)])
    artists = np.tile(np.arange(40) // 4, 3)
    rows = labels, np.where(right, 0, 1), artists, np.repeat([0, 1, 2], 40)
    found = resampled(_counts(rows), resamples=20_000, seed=0)["accuracy"]
    assert found.mean() == pytest.approx(np.mean([0.25, 0.5, 1]), abs=0.01)
    assert found.std() == pytest.approx(np.std([0.25, 0.5, 1], ddof=1) / np.sqrt(3), rel=0.02)


def test_the_same_seed_gives_the_same_interval_and_one_artist_gives_none():
    counts = _counts(_rows(n_artists=20, tracks_each=2))
    assert _intervals(counts, resamples=200, seed=1) == _intervals(counts, resamples=200, seed=1)
    assert _intervals(counts, resamples=200, seed=1) != _intervals(counts, resamples=200, seed=2)
    alone = _counts(_rows(n_artists=1, tracks_each=5))
    assert _intervals(alone, resamples=200, seed=1) == {"accuracy": (0.0, 1.0), "macro_f1": (0.0, 1.0)}


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
