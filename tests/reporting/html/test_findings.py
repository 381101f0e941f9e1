"""Sentences and tables of the page, each against known results."""

import numpy as np
import pandas as pd

from fmagc.evaluation.predictions import Predictions
from fmagc.inference.timeline import least_settled
from fmagc.reporting.entries import Entry, TestSet
from fmagc.reporting.html import findings, run_facts
from fmagc.reporting.presentation.registry import PRESENTATIONS
from tests.support.many_genres import small_tree
from tests.support.predictions import predictions_of

SINGLE, MULTI = PRESENTATIONS["single"], PRESENTATIONS["multi"]


def table_of(p: list[list[float]], labels: list[int], *, model: str = "crnn", clips: int = 1) -> Predictions:
    n = len(p)
    return predictions_of(
        p,
        protocol="official",
        model=model,
        seed=0,
        track_ids=np.repeat(np.arange(n // clips), clips),
        artist_ids=np.repeat(np.arange(n // clips), clips),
        sets=["test"] * n,
        clips=np.tile(np.arange(clips), n // clips),
        labels=labels,
        genres=["Folk", "Rock"],
    )


def test_the_hardest_track_is_the_one_that_no_network_gives_to_its_label() -> None:
    names = pd.DataFrame({"track_id": [0, 1, 2], "artist": ["A", "B", "C"], "title": ["x", "y", "z"]})
    crnn = table_of([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]], [0, 0, 0])
    cnn1d = table_of([[0.8, 0.2], [0.4, 0.6], [0.3, 0.7]], [0, 0, 0], model="cnn1d")
    hardest, words = findings.hardest({"crnn": crnn, "cnn1d": cnn1d}, names=names, words=SINGLE.page)
    assert hardest.rows[0] == ("1", "B", "y", "Folk", "Rock (2)", "0 of 2", "0.300")
    assert [row[0] for row in hardest.rows] == ["1", "2", "0"]
    assert words == "Of 3 test tracks, all networks predict 1 correctly, and none predicts 1 correctly."


def test_the_least_settled_track_is_that_of_most_different_clips() -> None:
    steady, torn = [[0.9, 0.1], [0.9, 0.1]], [[0.9, 0.1], [0.1, 0.9]]
    assert least_settled(table_of([*steady, *torn, *steady], [0] * 6, clips=2)) == 1


def test_numbers_of_clips_are_compared_on_validation() -> None:
    plain = (("val", 1, 0.5), ("val", 3, 0.6), ("test", 1, 0.9), ("test", 3, 0.2))
    scores = dict.fromkeys(("probabilities", "vote"), plain) | {"logits": (*plain[:1], ("val", 3, 0.7), *plain[2:])}
    rows = [
        {"model": model, "set": name, "average": rule, "clips": clips, "seconds": clips * 12.0, "macro_f1": f1}
        for model in ("cnn1d", "crnn")
        for rule in scores
        for name, clips, f1 in (
            ("val", 1, 0.5),
            ("val", 3, 0.6 + (rule == "logits") / 10),
            ("test", 1, 0.9),
            ("test", 3, 0.2),
        )
    ]
    best, used = findings.clip_text(pd.DataFrame(rows), measure=SINGLE.headline, used=3, patched=[])
    assert "see 12.0 s at once is highest with 3 clips (36.0 s) and the mean of logits, 0.700." in best
    assert "+0.100 on average (cnn1d +0.100 and crnn +0.100)" in used
    assert findings.clip_table(pd.DataFrame(rows), measure=SINGLE.headline).rows[0][:3] == (
        "12.0",
        "1 of 12.0 s",
        "0.500",
    )


def test_networks_of_patches_are_compared_among_themselves() -> None:
    rows = [
        {"model": model, "set": name, "average": rule, "clips": n, "seconds": n * clip_s, "macro_f1": f1}
        for model, clip_s, scores in (("crnn", 12.0, {1: 0.5, 3: 0.6}), ("resnet", 3.0, {1: 0.2, 2: 0.3, 5: 0.7}))
        for name in ("val", "test")
        for rule in ("probabilities", "logits", "vote")
        for n, f1 in scores.items()
    ]
    counts = pd.DataFrame(rows)
    best, used, covered = findings.clip_text(counts, measure=SINGLE.headline, used=3, patched=["resnet"])
    assert "networks that see 12.0 s at once is highest with 3 clips (36.0 s) and the mean of prob" in best
    assert "; of those that see 3.0 s at once is highest with 5 clips (15.0 s) and the mean of prob" in best
    assert used.endswith("by +0.100 on average (crnn +0.100).")
    assert covered.endswith("for resnet.")
    assert [row[:3] for row in findings.clip_table(counts, measure=SINGLE.headline).rows] == [
        ("12.0", "1 of 12.0 s", "0.500"),
        ("36.0", "3 of 12.0 s", "0.600"),
        ("3.0", "1 of 3.0 s", "0.200"),
        ("6.0", "2 of 3.0 s", "0.300"),
        ("15.0", "5 of 3.0 s", "0.700"),
    ]
    words = findings.overlap_text(counts, track_s=13.0)
    assert words.endswith("overlap: those of 12.0 s by 96% with 3 and of 3.0 s by 17% with 5.")


def test_robustness_in_sentences() -> None:
    changes = pd.DataFrame(
        {
            "model": ["cnn1d"] * 2 + ["crnn"] * 2,
            "seed": 0,
            "transform": ["gain_db", "mp3_kbps"] * 2,
            "strength": [-6.0, 64.0] * 2,
            "tracks": 4,
            "flipped": [0.5, 0.25, 0.0, 0.0],
            "kl": 0.1,
        }
    )
    shifts = pd.DataFrame(
        {
            "model": "crnn",
            "seed": 0,
            "view": "mel",
            "steps": [0.5, 1.0],
            "tracks": 4,
            "equivariance": [0.2, 0.0],
            "invariance": [0.3, 0.4],
        }
    )
    sentences = list(findings.robustness_text(changes, shifts))
    assert sentences[0].startswith("cnn1d: gain, -6 dB changes most predictions, 50% of 4 tracks; on average")
    assert sentences[1] == "crnn: no transformation changes a prediction."
    assert "(relative error 0)" in sentences[2]
    assert "by 0.4; after a shift by half steps, the two errors are 0.2 and 0.3" in sentences[2]
    short = changes["transform"] == "mp3_kbps"
    some = list(
        findings.robustness_text(
            changes.assign(tracks=(~short).astype(int), flipped=changes["flipped"].mask(short)),
            shifts.assign(tracks=0, equivariance=float("nan"), invariance=float("nan")),
        )
    )
    assert some == [
        "cnn1d: gain, -6 dB changes most predictions, 50% of 1 track; on average over all transformations it is 50%.",
        sentences[1],
        "Most test tracks are too short for these, which are not measured: MP3, 64 kbit/s; encoders after shifts by "
        "0.5 and 1 steps of their output.",
    ]


def test_the_headline_names_the_best_and_the_leak() -> None:
    track = {f"{name}{end}": 0.5 for name in ("macro_f1", "accuracy") for end in ("", "_low", "_high")}
    entries = [Entry("random", "crnn", {**track, "macro_f1": 0.7}, {}, [{}]), Entry("random", "majority", track, {})]
    counts = {
        "n_tracks": 10,
        "n_artists": 1,
        "support": {"Folk": 4, "Jazz": 3, "Punk": 2, "Rock": 1},
        "n_training": 8,
        "training": {},
        "n_listed": 8,
    }
    test = TestSet(task="single", **counts, known=0.8, files_shared=0)
    first, second = findings.headline(entries, test, presentation=SINGLE)
    assert "1 network and 1 baseline predict one of 4 genres for 10 tracks by 1 artist; 80% of these" in first
    assert "crnn has the highest macro F1, 0.700" in second
    assert second.endswith("guessing has 0.250.")


def test_the_headline_of_several_genres_a_track_has_its_own_measures() -> None:
    names = ("macro_average_precision", "macro_roc_auc")
    track = {f"{name}{end}": 0.5 for name in names for end in ("", "_low", "_high")}
    entries = [Entry("official", "crnn", {**track, "macro_average_precision": 0.3}, {}, [{}])]
    counts = {
        "n_tracks": 10,
        "n_artists": 2,
        "support": {"Folk": 4, "Jazz": 0, "Rock": 2},
        "n_training": 8,
        "training": {},
        "n_listed": 8,
    }
    test = TestSet(task="multi", **counts, known=0.0, files_shared=0)
    first, second = findings.headline(entries, test, presentation=MULTI)
    assert "predict which of 3 genres are those of 10 tracks by 2 artists; 0% of these" in first
    assert second == (
        "crnn has the highest macro average precision, 0.300 (95 % interval 0.500 to 0.500), with a macro ROC-AUC of "
        "0.500 (0.500 to 0.500); guessing has 0.450 and 0.500."
    )


def test_the_page_of_several_genres_a_track_tells_their_tree_and_the_extremes_that_few_tracks_do_not_decide() -> None:
    tree = small_tree()
    said = MULTI.page.genres(tree)
    assert said == (
        "A track may have several of 21 genres, of which 3 have none above them: Genre 0, Genre 1 and Genre 2."
    )
    assert MULTI.page.genres(tree.assign(parent="")) == "A track may have several of 21 genres."
    rows = [
        {"genre": f"G{n}", "support": support, "average_precision": n / 10}
        for n, support in enumerate([9, 10, 10, 10, 10, 10, 10, 10, 9])
    ]
    absent = {"genre": "None", "support": 0, "average_precision": None}
    assert MULTI.page.genre_text({"crnn": [*rows, absent], "cnn1d": [*rows, absent]}) == (
        "Of the genres with 10 test tracks or more, the average precision, averaged over the networks, is highest for "
        "G7 (0.70), G6 (0.60) and G5 (0.50), and lowest for G1 (0.10), G2 (0.20) and G3 (0.30)."
    )
    assert MULTI.page.genre_text({"crnn": [rows[0], rows[8]]}) == (
        "The average precision, averaged over the networks, is highest for G8 (0.80), and lowest for G0 (0.00)."
    )


def test_genres_that_are_left_out_or_absent_are_named() -> None:
    whole = {"genres_left_out": {}, "tracks_left_out": 0, "genres_absent": {"train": [], "val": [], "test": []}}
    lacking = {"genres_left_out": {"Polka": 1, "Tango": 2000}, "tracks_left_out": 1500}
    lacking |= {"genres_absent": {"train": [], "val": ["Salsa"], "test": ["Fado", "Salsa"]}}
    audit = {"official": whole, "artist": lacking}
    assert list(run_facts.missing_genres(audit, ["official"])) == []
    assert run_facts.genres_without_tracks(audit, ["official"], min_tracks=1).rows == []
    assert list(run_facts.missing_genres(audit, ["official", "artist"])) == [
        "Protocol artist leaves out 2 genres and 1,500 tracks that carry no other; it has no validation track of 1 "
        "genre and no test track of 2 genres."
    ]
    assert run_facts.genres_without_tracks(audit, ["official", "artist"], min_tracks=10).rows == [
        (
            "artist",
            "left out: fewer than index.min_tracks (10) in training (tracks of all sets)",
            "Polka (1), Tango (2,000)",
        ),
        ("artist", "no validation track", "Salsa"),
        ("artist", "no test track", "Fado, Salsa"),
    ]


def test_calibration_names_the_too_sure() -> None:
    bounds = {"a": [1.5, 2.0], "b": [0.5, 0.9], "c": [1.1, 1.2], "d": [0.9, 1.2]}
    found = {model: {"temperature": [np.mean(own)], "temperature_interval": own} for model, own in bounds.items()}
    none = {"temperature": [99.9], "temperature_interval": [5.0, 100.0]}
    words = findings.calibration_text({**found, "e": none})
    assert words.endswith("a and c are overconfident; b is underconfident; for d and e the data do not decide.")


def test_the_overlap_of_clips_is_told() -> None:
    counts = pd.DataFrame({"clips": [1, 2, 3], "seconds": [11.9, 23.8, 35.7]})
    words = findings.overlap_text(counts, track_s=15.0)
    assert "last 15.0 s or less" in words
    assert words.endswith("overlap: those of 11.9 s by 74% with 2 and 87% with 3.")
    assert findings.overlap_text(counts[:2], track_s=30.0).endswith("overlap: those of 11.9 s not at all.")


def test_networks_that_ran_out_of_epochs_are_named() -> None:
    ended, going, annealed = (
        {"best_epoch": best, "train": {"epochs": 16, "schedule": schedule}}
        for best, schedule in ((9, "constant"), (16, "constant"), (16, "cosine"))
    )
    trainings = (("a", [ended, going]), ("b", [ended]), ("c", [annealed]))
    entries = [Entry("official", name, {}, {}, cards) for name, cards in trainings]
    assert ": a. More epochs might improve it" in findings.unfinished(entries)
    assert findings.unfinished(entries[1:]) == ""
