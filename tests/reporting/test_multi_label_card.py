"""The card of a network that predicts several genres a track."""

import re

import pytest

from fmagc.params.evaluation import Evaluate
from fmagc.params.signal import Mel
from fmagc.reporting.entries import Entry
from fmagc.reporting.metric_text import count_text
from fmagc.reporting.model_card import card_markdown
from fmagc.reporting.presentation.genre_ranks import rank_genres
from fmagc.reporting.untested_card import untested_card
from tests.support.card_metadata import metadata_of
from tests.support.many_genres import small_tree, split_of
from tests.support.trained_model import card_of

TREE = small_tree(branches=3)
SHAPE = {"name": "crnn", "n_classes": 2, "dropout": 0.1, "clip_samples": 2**19, "hop_length": 1024, "n_mels": 16}
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
METRICS = {"macro_average_precision": 0.31, "macro_average_precision_low": 0.21, "macro_average_precision_high": 0.41}
METRICS |= {"macro_roc_auc": 0.8, "macro_roc_auc_low": 0.7, "macro_roc_auc_high": 0.9, "log_loss": 7.5}
METRICS |= {"genres_tested": 29.0, "macro_average_precision_roots": 0.5}


def row(genre, *, support=10, average_precision=0.5, **others):
    measured = {"roc_auc": 0.75, "precision": 0.25, "recall": 0.125, "f1": 0.17, "threshold": 0.0625}
    return {"genre": genre, "support": support, "average_precision": average_precision} | measured | others


def rows_of_the_tree(*, support):
    """The later a genre comes in the alphabet, the higher its average precision; the first one has no test track."""
    genres = TREE["genre"].tolist()
    rows = [row(genre, support=support, average_precision=n / 100) for n, genre in enumerate(genres)]
    return [row(genres[0], support=0, average_precision=None, roc_auc=None), *rows[1:]]


def page(rows, *, false_positives=(), errors=(), genres=None):
    calibration = {"temperature": [1.25], "temperature_interval": [1.1, 1.5], "ece_by_chance": 0.002}
    calibration |= {"log_loss_scaled": 7.25}
    level = {"genres": rows, "confusions": [], "false_positives": list(false_positives), "calibration": calibration}
    card = card_of(SHAPE, genres=genres or TREE["genre"].tolist(), max_seconds=3.0, sample_rate=44_100, mel=MEL)
    return card_markdown(
        Entry("official", "crnn", METRICS, METRICS, [card | {"task": "multi", "weights": "digest0"}]),
        details={"track": level, "clip": level, "errors": list(errors)},
        split=split_of(TREE),
        accepted={"train": 110, "val": 60, "test": 50},
        settings=Evaluate(clips=3, overlap=0.0, crop="even", bootstrap=50),
    )


def genres_of(table):
    return re.findall(r"^\| (Genre [\d.]+) \|", table, re.M)


def test_it_says_what_is_predicted_and_what_the_measures_mean():
    text = page(rows_of_the_tree(support=10))
    for said in (
        "for each of 30, the probability that a track carries it. A track may carry several",
        "<details><summary>The 30 genres</summary>\n\nGenre 0, Genre 0.0, Genre 0.0.0,",
        "| `macro_average_precision` | 0.310 [0.210, 0.410] |",
        "are means over the 29 genres that occur among the test tracks",
        "the 50 test tracks that could be decoded",
        "The macro average precision is estimated from ",
        "its 95 % interval is [0.21, 0.41]",
        "nobody listed for it",
        "Scaling changes the log loss of the test tracks from 7.500 to 7.250.",
    ):
        assert said in text
    assert "`genres_tested`" not in text
    for said_of_one_genre in ("one of 30", "study_f1", "confusion", "`accuracy`"):
        assert said_of_one_genre not in text


def test_the_best_and_the_worst_genres_are_shown_and_all_can_be_unfolded():
    text = page(rows_of_the_tree(support=10))
    before, folded = text.split("<details><summary>All 29 genres that occur among the test tracks</summary>")
    best, worst = before.split("And the 10 of the lowest:")
    names = TREE["genre"].tolist()
    assert genres_of(best) == names[:-11:-1]
    assert genres_of(worst) == names[10:0:-1]
    assert genres_of(folded.split("</details>")[0]) == names[:0:-1]
    assert "No test track carries one of these: Genre 0." in text
    assert "| Genre 2.2.1 | 10 | 0.290 | 0.257 | 0.750 | 0.250 | 0.125 | 0.170 | 0.062 |" in text


def test_a_genre_of_few_test_tracks_is_neither_the_best_nor_the_worst():
    lucky, unlucky = row("Lucky", support=1, average_precision=1.0), row("Unlucky", support=9, average_precision=0.0)
    ranks = rank_genres([unlucky, row("B"), row("A"), row("None", support=0, average_precision=None), lucky])
    assert [own["genre"] for own in ranks.tested] == ["Lucky", "A", "B", "Unlucky"]
    assert [own["genre"] for own in ranks.common] == ["A", "B"]
    assert ranks.absent == ["None"]
    few = page(rows_of_the_tree(support=9))
    assert "of the lowest" not in few
    assert len(genres_of(few.split("### By genre")[1])) == 29, "one table of all"


def test_what_cannot_be_measured_has_a_dash():
    everywhere = page([row("Everywhere", roc_auc=None), row("Rare", average_precision_std=0.125)])
    assert "| Everywhere | 10 | 0.500 | 0.257 | - |" in everywhere
    assert "| Rare | 10 | 0.500 ± 0.125 | 0.257 |" in everywhere


def test_genres_that_are_given_wrongly_are_listed_with_the_tracks_that_get_them():
    of = [{"genre": f"G{n}", "count": 9.5 - n} for n in range(6)]
    many = [{"genre": "R|ck", "count": 1234.4, "tracks_of": of}]
    many += [{"genre": f"W{n}", "count": 2, "tracks_of": of[:1]} for n in range(40)]
    text = page(rows_of_the_tree(support=10), false_positives=many)
    assert r"| R\|ck | G0 (9.5), G1 (8.5), G2 (7.5), G3 (6.5) | 1,234 |" in text
    assert len(re.findall(r"^\| W\d+ \| G0 \(9\.5\) \| 2 \|$", text, re.M)) == 14
    assert "There is none: every test track got its own genres." in page(rows_of_the_tree(support=10))


def test_errors_show_all_genres_of_a_track():
    error = {"track_id": 7, "artist": "A", "title": "T", "true": "Punk; Rock", "predicted": "Jazz"}
    text = page(rows_of_the_tree(support=10), errors=[error | {"confidence": 0.9, "p_true": 0.3}])
    assert "| track | artist | title | labels | predicted as | probability | highest of the labels |" in text
    assert "| 7 | A | T | Punk; Rock | Jazz | 0.900 | 0.300 |" in text


def test_names_of_genres_cannot_break_the_page():
    forged = "</details> | <details><summary>x</summary>"
    text = page([row(forged)], genres=[forged, "B"])
    shown = r"&lt;/details&gt; \| &lt;details&gt;&lt;summary&gt;x&lt;/summary&gt;"
    assert text.count(forged) == 0
    assert text.count(shown) == 2, "in the list and in the table"


def test_the_metadata_have_the_measures_of_the_task():
    metadata = metadata_of(page(rows_of_the_tree(support=10)))
    assert metadata["metrics"] == ["average_precision", "roc_auc"]
    assert metadata["model-index"][0]["results"][0]["metrics"] == [
        {"type": "average_precision", "value": 0.31, "name": "macro average precision"},
        {"type": "roc_auc", "value": 0.8, "name": "macro ROC-AUC"},
    ]


def test_the_hub_s_own_library_reads_the_metadata():
    hub = pytest.importorskip("huggingface_hub")
    found = hub.ModelCard(page(rows_of_the_tree(support=10))).data.eval_results
    assert {(result.metric_type, result.metric_value) for result in found} == {
        ("average_precision", 0.31),
        ("roc_auc", 0.8),
    }


def test_the_card_of_an_untested_model_has_the_scores_of_validation():
    card = card_of(SHAPE, genres=["Folk", "Rock"], max_seconds=3.0, sample_rate=44_100, mel=MEL)
    measured = {"epoch": 2, "split": "val", "loss": 0.7, "accuracy": 0.625, "precision": 0.6, "recall": 0.61, "f1": 0.5}
    trained = card | {"task": "multi", "validation": measured | {"average_precision": 0.375}}
    text = untested_card(trained, use="## How to use it\n")
    assert "| `average_precision` | 0.375 |" in text
    assert "`loss` is the binary cross-entropy, summed over the genres, in nats. The weights are those" in text
    assert "for each of 2, the probability" in text
    result = metadata_of(text)["model-index"][0]["results"][0]
    assert [(row["type"], row["value"]) for row in result["metrics"]] == [("average_precision", 0.375)]


def test_counts_are_written_whole_where_they_are_large():
    assert [count_text(n) for n in (2, 7 / 3, 99.96, 100, 1234.4)] == ["2", "2.33", "100", "100", "1,234"]
