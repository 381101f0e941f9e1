"""The measures of tracks of several genres against scikit-learn: rare and absent genres, ties, resamples, levels."""

import json
from dataclasses import replace
from functools import partial
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from sklearn import metrics as sk

from fmagc.evaluation.bootstrap import draw
from fmagc.evaluation.calibration import TEMPERATURES
from fmagc.evaluation.clips_per_track import count_table, score_counts
from fmagc.evaluation.confusions import confusion_table, confusions_by_seed
from fmagc.evaluation.error_analysis import analyse
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.protocol_gap import gaps_between
from fmagc.evaluation.ranking import best_threshold, precision_by_chance, rank_genres, rank_once
from fmagc.evaluation.scoring import SCORINGS
from fmagc.evaluation.share_curve import ShareCurve
from fmagc.evaluation.significance import Correctness, compare_all
from fmagc.evaluation.summary import summarise
from tests.support.labels import multi
from tests.support.many_genres import names_of, predictions_of_split, small_tree, split_of

MULTI = SCORINGS["multi"]
TREE = small_tree()
SPLIT = split_of(TREE)
GENRES = ("Folk", "Jazz", "Punk", "Rock", "Soul")


@pytest.fixture(scope="module")
def two_seeds() -> Predictions:
    return predictions_of_split(SPLIT, seeds=(0, 1))


def tied(n_rows: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw scores of few values, and genres of half the rows, of a few, of one, of none and of all."""
    rng = np.random.default_rng(seed)
    carried = rng.random((n_rows, 5)) < [0.5, 0.1, 0, 0, 1]
    carried[rng.integers(n_rows), 2] = True
    return np.round(rng.random((n_rows, 5)), 1), carried


def expected_rank(scores: np.ndarray, carried: np.ndarray) -> list[tuple[float, float]]:
    return [
        (
            sk.average_precision_score(y, s) if y.any() else np.nan,
            sk.roc_auc_score(y, s) if 0 < y.sum() < len(y) else np.nan,
        )
        for s, y in zip(scores.T, carried.T, strict=True)
    ]


def test_ranking_is_that_of_scikit_learn_with_ties_and_rare_genres() -> None:
    scores, carried = tied(200)
    found = np.stack(rank_once(scores, carried), axis=1)
    np.testing.assert_allclose(found, expected_rank(scores, carried), rtol=1e-12)
    assert np.isnan(found[3]).all(), "no row carries it"
    assert found[4, 0] == 1
    assert np.isnan(found[4, 1]), "no row lacks it"


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_the_precision_by_chance_is_the_mean_over_all_orders(n_rows: int) -> None:
    orders = np.array(list(permutations(range(n_rows))), dtype=np.float64)
    for n_positive in range(1, n_rows + 1):
        carried = np.arange(n_rows) < n_positive
        mean = np.mean([sk.average_precision_score(carried, scores) for scores in orders])
        assert precision_by_chance(n_positive, n_rows) == pytest.approx(mean)


def test_resamples_are_rankings_of_the_rows_drawn() -> None:
    scores, carried = tied(90)
    artists = np.random.default_rng(1).integers(0, 12, 90)
    times, _ = draw(12, n_seeds=1, resamples=8, seed=0)
    found = np.stack(rank_genres(scores, carried, artists=artists, times=times), axis=2)
    for resample, own in zip(found, times, strict=True):
        rows = np.repeat(np.arange(90), own[artists])
        np.testing.assert_allclose(resample, expected_rank(scores[rows], carried[rows]), rtol=1e-12)


def test_the_best_threshold_is_the_highest_of_the_best_f1() -> None:
    scores, carried = tied(60)
    for genre in (0, 1, 2, 4):
        values = np.unique(scores[:, genre])
        f1 = [sk.f1_score(carried[:, genre], scores[:, genre] >= value) for value in values]
        assert best_threshold(scores[:, genre], carried[:, genre]) == values[::-1][np.argmax(f1[::-1])]


def made(p: np.ndarray, carried: np.ndarray, *, sets: np.ndarray, seed: int = 0) -> Predictions:
    texts = [";".join(genre for genre, own in zip(GENRES, row, strict=True) if own) for row in carried]
    labels = multi(texts, genres=GENRES)
    rows = pd.DataFrame({"genres": texts})
    clips = pd.DataFrame({"track_id": np.arange(len(p)), "set": sets, "clip": 0, "label": labels.encode(rows)})
    clips["artist_id"] = clips["track_id"] // 3
    return Predictions.of_clips(p, clips, labelling=labels, protocol="official", model="crnn", seed=seed)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_are_those_of_scikit_learn(seed: int) -> None:
    p, carried = tied(240, seed=seed)
    carried[:, 4] = ~carried[:, :4].any(axis=1)  # each track carries a genre
    predictions = made(0.001 + 0.99 * p, carried, sets=np.repeat(["val", "test"], 120))
    test, validation = predictions.test, predictions.validation
    found = MULTI.metrics(test, validation=validation, genres=TREE.iloc[:0])
    y, s = carried[120:], test.probabilities
    tested = y.any(axis=0)
    assert found["genres_tested"] == tested.sum() < 5
    assert found["macro_average_precision"] == pytest.approx(sk.average_precision_score(y[:, tested], s[:, tested]))
    assert found["macro_roc_auc"] == pytest.approx(sk.roc_auc_score(y[:, tested], s[:, tested]))
    assert found["micro_average_precision"] == pytest.approx(sk.average_precision_score(y.ravel(), s.ravel()))
    assert found["micro_roc_auc"] == pytest.approx(sk.roc_auc_score(y.ravel(), s.ravel()))
    assert found["log_loss"] == pytest.approx(sum(sk.log_loss(y[:, k], s[:, k], labels=[0, 1]) for k in range(5)))
    first = np.argsort(-s, axis=1, kind="stable")
    assert found["precision_at_1"] == pytest.approx(y[np.arange(120), first[:, 0]].mean())
    assert found["precision_at_3"] == pytest.approx(np.take_along_axis(y, first[:, :3], axis=1).sum() / 360)
    val = validation.probabilities
    pooled = best_threshold(val.ravel(), carried[:120].ravel())
    chosen = [best_threshold(val[:, k], carried[:120, k]) if carried[:120, k].any() else pooled for k in range(5)]
    expected = sk.f1_score(y[:, tested], (s >= chosen)[:, tested], average="macro", zero_division=0)
    assert found["macro_f1"] == pytest.approx(expected)


def test_levels_of_the_tree_are_means_over_their_genres(two_seeds: Predictions) -> None:
    test, validation = (next(iter(own.by_seed().values())) for own in (two_seeds.test, two_seeds.validation))
    found = MULTI.metrics(test, validation=validation, genres=TREE)
    precision = dict(zip(test.genres, rank_once(test.probabilities, test.carried)[0], strict=True))
    tree = TREE.set_index("genre")
    for name, rows in (("roots", tree["depth"] == 0), ("second", tree["depth"] == 1), ("leaves", tree["is_leaf"])):
        values = [precision.get(genre, np.nan) for genre in tree.index[rows]]
        assert found[f"macro_average_precision_{name}"] == pytest.approx(np.nanmean(values))
    flat = MULTI.metrics(test, validation=validation, genres=TREE.assign(parent="", depth=0, is_leaf=True))
    assert set(found) - set(flat) == {f"macro_average_precision_{name}" for name in ("roots", "second", "leaves")}


def test_the_summary_has_intervals_over_artists_and_spreads_over_seeds(two_seeds: Predictions) -> None:
    track, clip = summarise(two_seeds, genres=TREE, resamples=60, seed=0)
    assert set(track) == set(clip)
    assert json.loads(json.dumps(track, allow_nan=False)) == track
    for name in ("macro_average_precision", "macro_roc_auc"):
        assert track[f"{name}_low"] < track[name] < track[f"{name}_high"]
        assert track[f"{name}_std"] > 0
    assert track["genres_tested"] == two_seeds.tracks.test.carried.any(axis=0).sum()
    assert "genres_tested_std" not in track  # a count is no measurement
    assert {name.removesuffix("_low") for name in track if name.endswith("_low")} == set(MULTI.resampled)
    assert track["macro_average_precision"] > clip["macro_average_precision"]
    shuffled = two_seeds.select(np.random.default_rng(1).permutation(len(two_seeds.labels))).checked(source="x")
    assert summarise(shuffled, genres=TREE, resamples=60, seed=0) == (track, clip)


def test_resampled_scores_are_macro_means_over_the_genres_drawn_around_the_score_found(
    two_seeds: Predictions,
) -> None:
    test = two_seeds.tracks.test
    found = MULTI.resamples(test, resamples=5, seed=3)["macro_average_precision"]
    artists = np.unique(test.artist_ids)
    times, seeds = draw(len(artists), n_seeds=2, resamples=5, seed=3)
    drawn = []
    for n in range(5):
        own = list(test.by_seed().values())[seeds[n].argmax()]  # one of the two seeds
        rows = np.repeat(np.arange(len(own.labels)), times[n, np.searchsorted(artists, own.artist_ids)])
        y, s = own.carried[rows], own.probabilities[rows]
        y, s = y[:, y.any(axis=0)], s[:, y.any(axis=0)]
        drawn.append(sk.average_precision_score(y, s))
    score = np.mean([MULTI.scores(own)["macro_average_precision"] for own in test.by_seed().values()])
    assert found == pytest.approx(np.clip(np.array(drawn) + score - np.mean(drawn), 0, 1))


def test_an_interval_holds_the_score_although_resamples_repeat_tracks() -> None:
    tree = small_tree(roots=4, branches=4, leaves=4)  # genres of a handful of tracks
    metrics, _ = summarise(predictions_of_split(split_of(tree)), genres=tree, resamples=200, seed=0)
    for name in MULTI.resampled:
        assert metrics[f"{name}_low"] < metrics[name] < metrics[f"{name}_high"]


def test_calibration_is_of_all_pairs_of_tracks_and_genres(two_seeds: Predictions) -> None:
    tracks = two_seeds.tracks
    boastful = replace(tracks, probabilities=expit(2.5 * logit(np.clip(tracks.probabilities, 1e-5, 1 - 1e-5))))
    for own in boastful.validation.by_seed().values():
        z = logit(np.clip(own.probabilities, 5e-7, 1 - 5e-7))
        loss = partial(lambda t, z, y: (np.logaddexp(0, z / t) - y * z / t).sum(), z=z, y=own.carried)
        expected = minimize_scalar(loss, bounds=TEMPERATURES, method="bounded", options={"xatol": 1e-6}).x
        assert MULTI.fit_temperature(own) == pytest.approx(expected, rel=1e-3)
    temperatures, scaled = MULTI.tempered(boastful)
    low, high = MULTI.temperature_interval(boastful.validation)
    assert low < np.mean(list(temperatures.values())) < high
    assert MULTI.log_loss(scaled) < MULTI.log_loss(boastful.test)
    confidence, right = MULTI.confidences(scaled)
    assert confidence.shape == right.shape == (scaled.probabilities.size,)
    alone = boastful.validation.select(boastful.validation.artist_ids == boastful.validation.artist_ids[0])
    assert MULTI.temperature_interval(alone) == TEMPERATURES


def test_the_calibration_error_by_chance_is_that_of_genres_drawn_from_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    p = np.round(rng.beta(0.4, 2, (80, 5)), 6)
    own = made(p, np.eye(5, dtype=bool)[rng.integers(0, 5, 80)], sets=np.repeat("test", 80))
    bins = np.searchsorted(np.linspace(0, 1, 16)[1:-1], p.ravel())
    drawn = (rng.random((2000, p.size)) < p.ravel()) - p.ravel()
    errors = np.abs(drawn @ np.eye(15)[bins]).sum(axis=1) / p.size
    assert MULTI.ece_by_chance(own) == pytest.approx(errors.mean(), rel=0.05)


def test_a_missed_genre_is_shared_among_those_given_wrongly() -> None:
    carried = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 1]], dtype=bool)
    p = np.array([[0.9, 0.2, 0.8, 0.1, 0.1], [0.9, 0.8, 0.1, 0.2, 0.1], [0.1, 0.2, 0.1, 0.1, 0.9]])
    own = made(p, carried, sets=np.repeat("test", 3))
    expected = np.zeros((5, 5))
    expected[0, 0] = expected[4, 4] = expected[1, 2] = 1
    expected[2, :2] = expected[3, :2] = 0.5
    np.testing.assert_array_equal(confusions_by_seed(own), [expected])
    table = confusion_table(own)
    assert table["tracks"].sum() == carried.sum()
    mistakes = MULTI.analysis(own)["false_positives"]
    assert mistakes[:2] == [
        {"genre": "Folk", "count": 1, "tracks_of": [{"genre": "Punk", "count": 0.5}, {"genre": "Rock", "count": 0.5}]},
        {"genre": "Jazz", "count": 1, "tracks_of": [{"genre": "Punk", "count": 0.5}, {"genre": "Rock", "count": 0.5}]},
    ]


def test_where_tracks_have_one_genre_confusions_are_the_confusion_matrix() -> None:
    rng = np.random.default_rng(0)
    labels, p = rng.integers(0, 5, 100), rng.random((100, 5))
    own = made(p, np.eye(5, dtype=bool)[labels], sets=np.repeat("test", 100))
    np.testing.assert_array_equal(confusions_by_seed(own)[0], sk.confusion_matrix(labels, p.argmax(axis=1)))


def test_genres_are_measured_on_test_and_decided_on_validation(two_seeds: Predictions) -> None:
    details = analyse(two_seeds, names=names_of(SPLIT))
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    tracks = two_seeds.tracks
    by_seed = [rank_once(own.probabilities, own.carried)[0] for own in tracks.test.by_seed().values()]
    support = next(iter(tracks.test.by_seed().values())).carried.sum(axis=0)
    table = details["track"]["genres"]
    assert [row["genre"] for row in table] == list(two_seeds.genres)
    assert [row["support"] for row in table] == support.tolist()
    for row, mean, spread in zip(table, np.mean(by_seed, axis=0), np.std(by_seed, axis=0, ddof=1), strict=True):
        if row["support"]:
            assert row["average_precision"] == pytest.approx(mean, abs=1e-6)
            assert row["average_precision_std"] == pytest.approx(spread, abs=1e-6)
        else:
            assert row["average_precision"] is row["average_precision_std"] is None
        assert 0 < row["threshold"] <= 1
    for error in details["errors"]:
        assert error["predicted"] not in error["true"].split("; ")
        assert error["p_true"] < error["confidence"]


def test_models_and_protocols_are_compared_by_macro_average_precision(two_seeds: Predictions) -> None:
    draws = {"resamples": 200, "seed": 0}
    skilled = Correctness.of(two_seeds, **draws)
    usual = Correctness.of(predictions_of_split(SPLIT, seeds=(0, 1), skill=0.5), **draws)
    (pair,) = compare_all({"b": usual, "a": skilled})
    assert (pair.better, pair.worse) == ("a", "b")
    assert pair.significant
    assert pair.difference == pytest.approx(
        skilled.scores["macro_average_precision"] - usual.scores["macro_average_precision"]
    )
    gaps = gaps_between({"a": usual}, other={"a": skilled})
    assert [gap.metric for gap in gaps] == list(MULTI.resampled)
    assert gaps[0].difference == pytest.approx(pair.difference)
    curve = ShareCurve.of({100: {"a": usual, "b": usual}, 200: {"a": skilled, "b": usual}}, baselines=["b"])
    assert curve.headline == "macro_average_precision"
    assert curve.leaders["a"] == [100, 200]
    assert {"macro_average_precision_low", "macro_average_precision_high"} < set(curve.table)


def test_clips_are_compared_by_the_two_rules_that_need_no_decision(two_seeds: Predictions) -> None:
    by_seed = two_seeds.by_seed().values()
    table = count_table([score_counts({1: own.select(own.clips == 0), 2: own}, clip_s=3.0) for own in by_seed])
    assert set(table["average"]) == {"probabilities", "logits"}
    assert {"macro_average_precision", "macro_roc_auc", "macro_roc_auc_std"} < set(table)
    pooled = two_seeds.aggregate("logits")
    clips = logit(np.clip(two_seeds.probabilities[:2], 5e-7, 1 - 5e-7)).mean(axis=0)
    np.testing.assert_allclose(pooled.probabilities[0], expit(clips), atol=1e-9)
