"""The leaderboard says what the numbers say, and no more."""

import pandas as pd
import pytest

from fmagc.errors import DataError
from fmagc.evaluation.leaderboard import Context, Entry, HeldOut, leaderboard_markdown
from fmagc.evaluation.metrics import METRICS
from fmagc.evaluation.predictions import predictions_of


def _metrics(f1, *, half=0.05, std=None):
    metrics = dict.fromkeys(METRICS, f1)
    metrics |= {"log_loss": 1.25, "accuracy_low": f1 - half, "accuracy_high": f1 + half}
    metrics |= {"macro_f1_low": f1 - half, "macro_f1_high": f1 + half}
    return metrics if std is None else metrics | {f"{name}_std": std for name in METRICS}


def _entry(model, f1, *, protocol="official", cards=(), **options):
    return Entry(protocol=protocol, model=model, track=_metrics(f1, **options), clip=_metrics(f1 - 0.02), cards=cards)


CONTEXT = Context(
    corpus="fma_demo",
    test_sets={"official": HeldOut(n_tracks=40, n_artists=12, genres={"Folk": 10, "Pop": 10, "Rock": 20})},
    note="Synthesised: says nothing about music.",
)


def _rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_models_are_sorted_and_every_number_is_shown():
    crnn = _entry("crnn", 0.61, cards=[{"parameters": 438808, "best_epoch": 17}])
    text = leaderboard_markdown([_entry("svm_mfcc", 0.5), crnn, _entry("cnn1d", 0.55)], context=CONTEXT)
    header, _, *rows = _rows(text)
    assert [row[0] for row in rows] == ["crnn", "cnn1d", "svm_mfcc"]
    assert dict(zip(header, rows[0], strict=True)) == {
        "model": "crnn",
        "accuracy [95 %]": "0.610 [0.560, 0.660]",
        "macro_f1 [95 %]": "0.610 [0.560, 0.660]",
        "seed_f1": "0.610",
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
    assert "nothing to compare" in text


def test_chance_and_majority_come_from_the_test_set():
    text = leaderboard_markdown([_entry("crnn", 0.61)], context=CONTEXT)
    # Rock: half of the tracks, so precision .5, recall 1, F1 2/3; the other two genres 0
    assert (
        "40 test tracks of 12 artists in 3 genres. By chance: accuracy 0.333. "
        "Always naming the commonest genre (Rock): accuracy 0.500, macro_f1 0.222."
    ) in text


def test_overlap_is_said_for_the_pairs_that_overlap():
    entries = [_entry("a", 0.70), _entry("b", 0.62), _entry("c", 0.52), _entry("d", 0.30)]
    text = leaderboard_markdown(entries, context=CONTEXT)
    assert "**Intervals overlap** (macro_f1): a with b; b with c." in text
    assert "Intervals do not overlap: a above c and d; b above d; c above d." in text
    wide = leaderboard_markdown([_entry("a", 0.7, half=0.4), *entries[1:]], context=CONTEXT)
    assert "a with b, c and d;" in wide
    far = leaderboard_markdown([entries[0], entries[3]], context=CONTEXT)
    assert "Intervals overlap" not in far


def test_each_protocol_has_its_own_table():
    official = CONTEXT.test_sets["official"]
    context = Context(corpus="fma_small", test_sets={"official": official, "random": official})
    text = leaderboard_markdown([_entry("a", 0.5), _entry("a", 0.7, protocol="random")], context=context)
    header = ["macro_f1 [95 %]", "---:"]
    assert [row[2] for row in _rows(text)] == [*header, "0.500 [0.450, 0.550]", *header, "0.700 [0.650, 0.750]"]
    assert "## Protocol `official`" in text
    assert ">" not in text.split("\n## ")[0]  # no note was given


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
    found = HeldOut.from_predictions(pd.concat(tables))
    assert found == HeldOut(n_tracks=3, n_artists=2, genres={"Folk": 2, "Jazz": 0, "Rock": 1})
