"""The leaderboard: its tables, its order, and the conclusions that the numbers allow."""

from dataclasses import replace

import pytest

from fmagc.errors import DataError
from fmagc.evaluation.metrics import METRICS
from fmagc.evaluation.predictions import Predictions
from fmagc.evaluation.protocol_gap import Gap
from fmagc.evaluation.ranking import precision_by_chance
from fmagc.evaluation.significance import Pair
from fmagc.reporting.conclusions import gap_lines, pair_lines
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.leaderboard import Context, leaderboard_markdown
from fmagc.reporting.presentation.registry import PRESENTATIONS
from fmagc.tasks.task import TASKS
from tests.support.predictions import predictions_of


def _metrics(f1, *, half=0.05, std=None):
    metrics = dict.fromkeys(METRICS, f1)
    metrics |= {"log_loss": 1.25, "accuracy_low": f1 - half, "accuracy_high": f1 + half}
    metrics |= {"macro_f1_low": f1 - half, "macro_f1_high": f1 + half}
    return metrics if std is None else metrics | {f"{name}_std": std for name in METRICS}


def _entry(model, f1, *, protocol="official", cards=(), **options):
    return Entry(protocol=protocol, model=model, track=_metrics(f1, **options), clip=_metrics(f1 - 0.02), cards=cards)


def test_an_encoder_has_no_numbers_by_clip_and_says_why():
    probe = Entry("official", "mert", _metrics(0.7), _metrics(0.7), stage="probe")
    text = leaderboard_markdown(
        [_entry("crnn", 0.5, cards=[{"parameters": 9, "best_epoch": 1}]), probe], context=CONTEXT
    )
    header, _, first, second = _rows(text)[:4]
    shown = [dict(zip(header, row, strict=True)) for row in (first, second)]
    assert [row["model"] for row in shown] == ["mert", "crnn"]
    assert [row["macro_f1 by clip"] for row in shown] == ["-", "0.480"]
    assert shown[0]["accuracy [95 %]"] == "0.700 [0.650, 0.750]"
    assert "mert: a logistic regression on the mean vector that a frozen encoder gives" in text
    assert "frozen encoder" not in leaderboard_markdown([_entry("crnn", 0.5)], context=CONTEXT)


def _pair(better, worse, *, low, p=0.5):
    return Pair(better, worse, difference=low + 0.1, low=low, high=low + 0.2, n_discordant=(9, 4.5), p=p)


OFFICIAL = TestSet(
    task="single",
    n_tracks=40,
    n_artists=12,
    support={"Folk": 20, "Jazz": 10, "Rock": 10},
    n_training=320,
    training={"Folk": 160, "Jazz": 80, "Rock": 80},
    n_listed=320,
    known=0.0,
    files_shared=0,
)
CONTEXT = Context(
    corpus="fma_demo",
    test_sets={"official": OFFICIAL},
    pairs={"official": [_pair("crnn", "cnn1d", low=-0.05)]},
    base="official",
    gaps={},
    note="Synthesised: says nothing about music.",
)


def _rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_models_are_sorted_and_every_number_is_shown():
    crnn = _entry("crnn", 0.61, cards=[{"parameters": 438808, "best_epoch": 17}])
    text = leaderboard_markdown([_entry("svm_mfcc", 0.5), crnn, _entry("cnn1d", 0.55)], context=CONTEXT)
    header, _, *rows = _rows(text)[:5]
    assert [row[0] for row in rows] == ["crnn", "cnn1d", "svm_mfcc"]
    assert dict(zip(header, rows[0], strict=True)) == {
        "model": "crnn",
        "accuracy [95 %]": "0.610 [0.560, 0.660]",
        "macro_f1 [95 %]": "0.610 [0.560, 0.660]",
        "study_f1": "0.610",
        "top3": "0.610",
        "log_loss": "1.250",
        "accuracy by clip": "0.590",
        "macro_f1 by clip": "0.590",
        "parameters": "438,808",
        "best epoch": "17",
    }
    assert rows[2][-2:] == ["-", "-"]
    assert "> **Synthesised: says nothing about music.**" in text
    assert text.endswith(".\n")


def test_seeds_show_their_deviation_and_their_epochs():
    cards = [{"parameters": 1000, "best_epoch": 7}, {"parameters": 1000, "best_epoch": 12}]
    text = leaderboard_markdown([_entry("crnn", 0.61, std=0.0123, cards=cards)], context=CONTEXT)
    row = _rows(text)[2]
    assert row[1] == "0.610 ± 0.012 [0.560, 0.660]"
    assert row[-2:] == ["1,000", "7, 12"]


def test_a_protocol_says_what_it_tests_on_and_what_it_leaks():
    text = leaderboard_markdown([_entry("crnn", 0.61)], context=CONTEXT)
    assert "40 test tracks by 12 artists in 3 genres; 320 training tracks." in text
    assert "**0% of the test tracks are by artists in the training set.** By chance: accuracy 0.333." in text
    leaky = replace(OFFICIAL, known=0.829, files_shared=2)
    text = leaderboard_markdown([_entry("crnn", 0.61)], context=replace(CONTEXT, test_sets={"official": leaky}))
    assert "**83% of the test tracks are by artists in the training set.**" in text
    assert "2 files occur in more than one set, byte for byte." in text


def test_significant_pairs_are_named():
    pairs = [
        _pair("a", "b", low=-0.05),
        _pair("a", "c", low=-0.01, p=0.03),
        _pair("a", "d", low=0.2, p=0.0001),
        _pair("b", "c", low=-0.1),
        _pair("b", "d", low=0.1, p=0.2),
    ]
    text = "\n".join(pair_lines(pairs, metric="macro_f1"))
    assert "**No significant difference**, whatever the order in the table: a vs b and c; b vs c." in text
    assert "**Significantly better**, all at once with 95 % confidence: a than d; b than d." in text
    mcnemar = (
        "McNemar's test on tracks finds a significant difference between a and c and finds no significant difference"
    )
    assert f"{mcnemar} between b and d." in text
    assert _rows(text)[2] == ["a - b", "+0.050 [-0.050, +0.150]", "no", "9 : 4.5", "0.500"]
    assert _rows(text)[4] == ["a - d", "+0.300 [+0.200, +0.400]", "yes", "9 : 4.5", "< 0.001"]
    all_apart = "\n".join(pair_lines([_pair("a", "b", low=0.1, p=0.001)], metric="macro_f1"))
    assert "No significant" not in all_apart
    assert "McNemar's test on tracks agrees on every pair." in all_apart
    assert pair_lines([], metric="macro_f1") == ["Nothing to compare: one model, or one test artist."]


def test_each_protocol_has_its_own_table_and_the_gap_stands_below():
    gaps = [
        Gap("a", "accuracy", base=0.5, other=0.7, low=0.1, high=0.3),
        Gap("b", "accuracy", base=0.4, other=0.45, low=-0.1, high=0.2),
        Gap("a", "macro_f1", base=0.5, other=0.55, low=-0.02, high=0.12),
        Gap("b", "macro_f1", base=0.4, other=0.2, low=-0.3, high=-0.1),
    ]
    context = replace(
        CONTEXT,
        test_sets={"official": OFFICIAL, "random": replace(OFFICIAL, n_training=330, known=0.8)},
        pairs={"official": [], "random": []},
        gaps={"random": gaps},
        note="",
    )
    text = leaderboard_markdown([_entry("a", 0.5), _entry("a", 0.7, protocol="random")], context=context)
    header = ["macro_f1 [95 %]", "---:"]
    assert [row[2] for row in _rows(text)[:6]] == [*header, "0.500 [0.450, 0.550]", *header, "0.700 [0.650, 0.750]"]
    assert ">" not in text.split("\n## ")[0]  # no note was given
    gap = text.split("## `random` against `official`")[1]
    assert _rows(gap)[2] == [
        "a", "0.500", "0.700", "+0.200 [+0.100, +0.300]", "0.500", "0.550", "+0.050 [-0.020, +0.120]"
    ]  # fmt: skip
    assert "accuracy under `random`: a significantly higher." in gap
    assert "macro_f1 under `random`: b significantly lower." in gap
    assert "Not all of a gap need be due to the artists: `random` trains on 330 tracks, `official` on 320." in gap
    none = "\n".join(gap_lines(gaps[1:2], base="official", other="random"))
    assert "accuracy under `random`: no significant difference." in none


def test_a_gap_between_means_over_different_genres_is_said_to_be_one():
    other = replace(OFFICIAL, support={"Folk": 20, "Jazz": 0, "Punk": 9, "Rock": 11})
    context = replace(
        CONTEXT,
        pairs={"official": [], "random": []},
        gaps={"random": [Gap("a", "macro_f1", base=0.5, other=0.5, low=-0.1, high=0.1)]},
    )
    for test_set, said in ((other, True), (replace(OFFICIAL, support={"Folk": 1, "Jazz": 1, "Rock": 38}), False)):
        sets = {"official": OFFICIAL, "random": test_set}
        text = leaderboard_markdown([_entry("a", 0.5)], context=replace(context, test_sets=sets))
        assert ("`random` tests 3 genres, `official` 3, and only 2 are the same" in text) == said
        assert ("Not all of a gap" in text) == said


def test_what_is_missing_is_named():
    broken = _metrics(0.5)
    del broken["macro_f1_low"]
    entry = Entry(protocol="official", model="crnn", track=broken, clip=_metrics(0.5))
    with pytest.raises(DataError, match="official/crnn by track: expected the key macro_f1_low, found accuracy"):
        leaderboard_markdown([entry], context=CONTEXT)
    with pytest.raises(DataError, match="card of official/crnn: expected the key best_epoch, found parameters"):
        leaderboard_markdown([_entry("crnn", 0.5, cards=[{"parameters": 1}])], context=CONTEXT)
    with pytest.raises(DataError, match="test set for the protocol random, found official"):
        leaderboard_markdown([_entry("crnn", 0.5, protocol="random")], context=CONTEXT)
    with pytest.raises(DataError, match="at least one model"):
        leaderboard_markdown([], context=CONTEXT)


def test_several_genres_a_track_are_told_by_their_own_measures_and_by_level():
    shown = ("macro_average_precision", "macro_roc_auc")
    levels = {f"macro_average_precision_{level}{end}": 0.4 for level in ("roots", "leaves") for end in ("", "_std")}
    others = dict.fromkeys(("micro_average_precision", "precision_at_1", "macro_f1", "log_loss"), 0.25)

    def entry(model, value):
        ends = {"": value, "_low": value - 0.05, "_high": value + 0.05}
        metrics = {f"{name}{end}": n for name in shown for end, n in ends.items()} | others | levels
        return Entry("official", model, metrics, dict.fromkeys(shown, value - 0.02))

    test_set = replace(OFFICIAL, task="multi", support={"Folk": 20, "Jazz": 10, "Punk": 8, "Rock": 0})
    context = replace(CONTEXT, test_sets={"official": test_set})
    text = leaderboard_markdown([entry("cnn1d", 0.2), entry("crnn", 0.3)], context=context)
    assert "40 test tracks by 12 artists in 4 genres (1 of them without a test track); 320 training tracks." in text
    chance = precision_by_chance([20, 10, 8], 40).mean()
    assert f"a random order of the tracks: macro_average_precision {chance:.3f}, macro_roc_auc 0.500." in text
    header, _, first, second, levels_header, _, by_level = _rows(text)[:7]
    assert [first[0], second[0]] == ["crnn", "cnn1d"]
    assert dict(zip(header, first, strict=True)) == {
        "model": "crnn",
        "macro_average_precision [95 %]": "0.300 [0.250, 0.350]",
        "macro_roc_auc [95 %]": "0.300 [0.250, 0.350]",
        "micro_average_precision": "0.250",
        "precision_at_1": "0.250",
        "macro_f1": "0.250",
        "log_loss": "0.250",
        "macro_average_precision by clip": "0.280",
        "macro_roc_auc by clip": "0.280",
        "parameters": "-",
        "best epoch": "-",
    }
    assert levels_header == ["macro_average_precision", "roots", "leaves"]
    assert by_level == ["crnn", "0.400 ± 0.400", "0.400 ± 0.400"]
    assert "difference of macro_average_precision [95 %]" in text
    assert "paired bootstrap of macro_average_precision: both" in text
    assert "McNemar's exact test compares precision_at_1;" in text
    assert "accuracy" not in text


def test_the_test_set_is_counted_by_track():
    common = {"protocol": "official", "model": "crnn", "genres": ["Folk", "Jazz", "Rock"]}
    rows = {
        "track_ids": [1, 1, 2, 2, 3, 3, 4, 4],
        "artist_ids": [1, 1, 1, 1, 2, 2, 3, 3],
        "sets": ["test"] * 6 + ["val"] * 2,
        "clips": [0, 1] * 4,
        "labels": [0, 0, 0, 0, 2, 2, 1, 1],
    }
    tables = [predictions_of([[0.2, 0.3, 0.5]] * 8, seed=seed, **common, **rows) for seed in (0, 1)]
    audit = {"tracks": {"train": 9, "val": 1, "test": 4}, "test_share_with_artist_in_train": 0.25, "files_shared": 1}
    assert TestSet.of(
        Predictions.concatenate(tables), audit=audit, accepted={"train": 8, "val": 1, "test": 3}, training={"Folk": 8}
    ) == TestSet(
        task="single",
        n_tracks=3,
        n_artists=2,
        support={"Folk": 2, "Jazz": 0, "Rock": 1},
        n_training=8,
        training={"Folk": 8},
        n_listed=9,
        known=0.25,
        files_shared=1,
    )


def test_genres_that_nothing_can_learn_are_named_and_few_artists_told():
    entries = [_entry("crnn", 0.5)]
    whole = leaderboard_markdown(
        entries, context=replace(CONTEXT, test_sets={"official": replace(OFFICIAL, n_artists=20)})
    )
    assert "could be decoded" not in whole
    assert "artists are few" not in whole
    lost = replace(OFFICIAL, training={"Folk": 160, "Jazz|": 0, "Rock": 0}, n_artists=19)
    text = leaderboard_markdown(entries, context=replace(CONTEXT, test_sets={"official": lost}))
    assert r"**No training track of Jazz\|, Rock could be decoded:** nothing can learn it." in text
    assert "**19 test artists are few.**" in text


def test_every_task_has_its_presentation():
    assert {name: own.scoring.task for name, own in PRESENTATIONS.items()} == {name: name for name in TASKS}
