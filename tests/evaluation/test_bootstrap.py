"""Intervals by resampling artists and seeds: those of resampling row by row, and as wide as theory has them."""

import numpy as np
import pytest
from sklearn import metrics as sk

from fmagc.evaluation.bootstrap import draw, intervals
from fmagc.evaluation.metrics import confusion_counts
from fmagc.evaluation.single_label import artist_counts, resampled


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
