"""Significant differences: paired, corrected for the number of pairs, and no surer than the data allow."""

import numpy as np
import pytest
from scipy.stats import binom, norm, t

from fmagc.errors import DataError
from fmagc.evaluation.bootstrap import draw
from fmagc.evaluation.metrics import count_metrics, from_confusion
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.protocol_gap import gaps_between
from fmagc.evaluation.significance import Correctness, compare_all, holm, mcnemar, simultaneous
from fmagc.evaluation.single_label import artist_counts, resampled
from tests.support.predictions import predictions_of

GENRES = ["Folk", "Pop", "Rock"]


def predict(skill: float, *, seed: int, n_artists: int = 40, hard: float = 0.0) -> tuple[np.ndarray, ...]:
    """Predict two tracks of each artist, a share `skill` correctly; return labels, predictions, artists.

    `hard` mixes in how hard an artist is for all models alike.
    """
    rng = np.random.default_rng(seed)
    artists = np.repeat(np.arange(n_artists), 2)
    labels = np.arange(len(artists)) % 3
    burden = np.random.default_rng(99).uniform(size=n_artists)[artists]
    right = hard * burden + (1 - hard) * rng.uniform(size=len(artists)) < skill
    return labels, np.where(right, labels, (labels + rng.integers(1, 3, len(artists))) % 3), artists


def told(counts: np.ndarray, correct: np.ndarray, track_ids: np.ndarray, **draws: int) -> Correctness:
    """Score confusions of seeds and artists, and resample them."""
    scores = count_metrics(counts.sum(axis=1).astype(np.float64))
    return Correctness(
        headline="macro_f1",
        track_ids=track_ids,
        n_artists=counts.shape[1],
        scores={name: scores[name].mean() for name in ("accuracy", "macro_f1")},
        drawn=resampled(counts, **draws),
        correct=correct,
    )


def verdicts(
    *skills: tuple[float, int], first: int = 0, resamples: int = 300, draw_seed: int = 0, **options
) -> Correctness:
    """Make a model of one or several trainings, each with a skill and a seed of its own."""
    counts, right = [], []
    for skill, seed in skills:
        labels, predicted, artists = predict(skill, seed=seed, **options)
        seeds = np.zeros_like(labels)
        counts.append(artist_counts(labels, predicted=predicted, artist_ids=artists, seeds=seeds, n_classes=3)[0])
        right.append(labels == predicted)
    ids = np.arange(right[0].size) + first
    return told(np.stack(counts), np.stack(right), ids, resamples=resamples, seed=draw_seed)


def test_verdicts_are_of_test_tracks_by_the_mean_of_their_clips() -> None:
    sure, unsure = [0.8, 0.1, 0.1], [0.3, 0.4, 0.3]
    tables = [
        predictions_of(
            [sure, unsure, unsure, unsure, sure, sure],
            protocol="official", model="crnn", seed=seed, track_ids=[4, 4, 2, 2, 9, 9], artist_ids=[1, 1, 1, 1, 5, 5],
            sets=["test"] * 4 + ["val"] * 2, clips=[0, 1] * 3, labels=[0, 0, 0, 0, 1, 1], genres=GENRES,
        )
        for seed in (0, 1)
    ]  # fmt: skip
    found = Correctness.of(Predictions.concatenate(tables), resamples=20, seed=0)
    assert found.track_ids.tolist() == [2, 4]
    assert found.correct.tolist() == [[False, True]] * 2
    assert (found.headline, found.n_artists) == ("macro_f1", 1)
    assert {name: values.shape for name, values in found.drawn.items()} == {"accuracy": (20,), "macro_f1": (20,)}
    assert found.scores["accuracy"] == 0.5


def test_a_difference_is_what_the_same_artists_make_of_both() -> None:
    models = {"a": verdicts((0.8, 0), resamples=400, draw_seed=3), "b": verdicts((0.5, 1), resamples=400, draw_seed=3)}
    (pair,) = compare_all(models)
    artists, _ = draw(40, n_seeds=1, resamples=400, seed=3)
    drawn = []
    for skill, seed in ((0.8, 0), (0.5, 1)):
        labels, predicted, own = predict(skill, seed=seed)
        counts = artist_counts(labels, predicted=predicted, artist_ids=own, seeds=np.zeros_like(own), n_classes=3)[0]
        drawn.append([from_confusion(np.tensordot(times, counts, axes=1))["macro_f1"] for times in artists])
    difference = models["a"].scores["macro_f1"] - models["b"].scores["macro_f1"]
    deviations = np.subtract(*drawn) - difference
    assert (pair.better, pair.worse) == ("a", "b")
    assert pair.difference == pytest.approx(difference)
    # one pair alone: the 95 % quantile of its own absolute deviations in standard errors, for 40 artists
    in_errors = np.quantile(np.abs(deviations), 0.95) / deviations.std()
    wider = t.isf(norm.sf(in_errors), df=39)
    assert 1.02 < wider / in_errors < 1.06
    assert pair.high - pair.difference == pytest.approx(wider * deviations.std(), abs=1e-12)
    assert pair.difference - pair.low == pytest.approx(pair.high - pair.difference)
    assert pair.significant


def test_what_is_hard_for_both_does_not_blur_their_difference() -> None:
    def pair_of(hard: float) -> tuple[float, float]:
        models = {
            "a": verdicts((0.75, 0), hard=hard, resamples=500),
            "b": verdicts((0.55, 1), hard=hard, resamples=500),
        }
        (pair,) = compare_all(models)
        return pair.high - pair.low, pair.difference

    width, _ = pair_of(0.9)
    assert width < 0.75 * pair_of(0.0)[0]


def test_more_pairs_ask_for_wider_intervals() -> None:
    skills = {"a": 0.8, "b": 0.6, "c": 0.6, "d": 0.5, "e": 0.5, "f": 0.4}
    models = {name: verdicts((skill, k), resamples=1000) for k, (name, skill) in enumerate(skills.items())}
    pairs = compare_all(models)
    assert len(pairs) == 15
    assert [pair.difference >= 0 for pair in pairs] == [True] * 15
    of_all = next(pair for pair in pairs if {pair.better, pair.worse} == {"a", "f"})
    (alone,) = compare_all({name: models[name] for name in "af"})
    assert 1.1 < (of_all.high - of_all.low) / (alone.high - alone.low) < 1.9
    assert of_all.p >= alone.p


def test_equal_models_are_seldom_told_apart_however_many_pairs() -> None:
    found = [
        any(pair.significant for pair in compare_all({str(k): verdicts((0.6, 50 * run + k)) for k in range(5)}))
        for run in range(30)
    ]
    assert sum(found) <= 5  # 5 % of 30 runs are 1.5; of ten pairs each, uncorrected, about 9 would have one


def test_equal_predictions_differ_by_nothing() -> None:
    same = verdicts((0.6, 0))
    (pair,) = compare_all({"a": same, "b": same})
    assert (pair.difference, pair.low, pair.high, pair.p, pair.significant) == (0, 0, 0, 1, False)
    assert simultaneous(np.zeros((5, 2)), n_artists=9).tolist() == [0, 0]


def test_luck_of_seeds_is_not_taken_for_a_difference() -> None:
    rival = verdicts((0.55, 7), resamples=1000)
    (single,) = compare_all({"a": verdicts((0.95, 0), resamples=1000), "b": rival})
    (several,) = compare_all({"a": verdicts((0.95, 0), (0.5, 1), (0.7, 2), resamples=1000), "b": rival})
    assert single.significant
    assert several.difference > 0.1
    assert not several.significant


def test_models_of_other_tracks_and_single_models_are_not_compared() -> None:
    with pytest.raises(DataError, match="expected b to be tested on the tracks of a, found others"):
        compare_all({"a": verdicts((0.9, 0)), "b": verdicts((0.4, 1), first=5)})
    assert compare_all({"a": verdicts((0.9, 0))}) == []
    one_artist = {name: verdicts((0.5, k), n_artists=1) for k, name in enumerate("ab")}
    assert compare_all(one_artist) == []


def test_mcnemar_is_the_binomial_test_of_the_discordant_tracks() -> None:
    one = np.array([[True] * 9 + [False] * 3 + [True] * 5])
    other = np.array([[False] * 9 + [True] * 3 + [True] * 5])
    alone, lost, p = mcnemar(one, other)
    assert (alone, lost) == (9, 3)
    assert p == pytest.approx(2 * binom.cdf(3, 12, 0.5))


@pytest.mark.parametrize(("wins", "expected"), [((9, 0, 12), 3 / 2), ((9, 1), 2)])
def test_p_values_of_seeds_are_joined_by_the_middle_one(wins: tuple[int, ...], expected: float) -> None:
    one = np.array([[k < n for k in range(12)] for n in wins])
    other = ~one  # all twelve tracks are discordant
    each = sorted(min(1.0, 2 * binom.cdf(min(n, 12 - n), 12, 0.5)) for n in wins)
    middle = each[(len(each) - 1) // 2]
    alone, lost, p = mcnemar(one, other)
    assert p == pytest.approx(expected * middle)
    assert (alone, lost) == (pytest.approx(np.mean(wins)), pytest.approx(12 - np.mean(wins)))


def test_one_seed_meets_all_seeds_of_the_other() -> None:
    baseline, network = np.array([[True, False, False]]), np.array([[True, True, False]] * 3)
    assert mcnemar(baseline, network) == (0, 1, 1)


def test_holm() -> None:
    # the textbook's: times 4, 3, 2, 1 in order of size, never falling, never above 1
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


def test_gaps_are_other_minus_base_with_independent_resamples() -> None:
    base = {"a": verdicts((0.5, 0), resamples=2000), "b": verdicts((0.7, 1), resamples=2000)}
    other = {name: verdicts(own, n_artists=60, resamples=2000) for name, own in (("a", (0.9, 2)), ("b", (0.7, 3)))}
    gaps = {(gap.model, gap.metric): gap for gap in gaps_between(base, other=other)}
    assert set(gaps) == {(model, metric) for model in "ab" for metric in ("accuracy", "macro_f1")}
    gap = gaps["a", "accuracy"]
    assert gap.difference == pytest.approx(other["a"].scores["accuracy"] - base["a"].scores["accuracy"])
    spreads = [
        np.std(own.correct.reshape(-1, 2).mean(axis=1)) / np.sqrt(own.correct.size / 2)
        for own in (base["a"], other["a"])
    ]
    # two intervals at once ask for 2.24 standard errors of the difference
    assert gap.high - gap.difference == pytest.approx(2.24 * np.hypot(*spreads), rel=0.1)
    assert gap.low > 0
    assert gaps["b", "accuracy"].low < 0 < gaps["b", "accuracy"].high
