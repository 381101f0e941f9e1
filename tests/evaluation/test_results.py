"""From predictions to the files that users read: which way round a confusion is, and who is in the table."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fmagc.evaluation import results
from fmagc.evaluation.confusions import confusion_table
from fmagc.evaluation.predictions import Predictions
from fmagc.params.run import Run
from fmagc.reporting import run_results
from fmagc.reporting.entries import Entry
from fmagc.runtime.tables import write_csv
from tests.support.predictions import predictions_of

GENRES = ["Folk", "Pop", "Rock"]


def predictions() -> Predictions:
    """Three test tracks of Folk, all taken for Rock by their mean, one of Pop and one of Rock; a validation track."""
    p = {"rock": [0.1, 0.1, 0.8], "pop": [0.1, 0.5, 0.4]}
    rows = [p["rock"], p["pop"], p["rock"], p["rock"], p["pop"], p["rock"], p["pop"]]
    return predictions_of(
        rows,
        protocol="official",
        model="crnn",
        seed=0,
        track_ids=[2, 2, 3, 5, 7, 8, 9],
        artist_ids=[1, 1, 1, 2, 3, 4, 5],
        sets=["test"] * 6 + ["val"],
        clips=[0, 1, 0, 0, 0, 0, 0],
        labels=[0, 0, 0, 0, 1, 2, 0],
        genres=GENRES,
    )


def test_confusion_is_of_test_tracks_true_against_predicted() -> None:
    table = confusion_table(predictions())
    assert table.to_numpy().tolist() == [["Folk", "Rock", 3], ["Pop", "Pop", 1], ["Rock", "Rock", 1]]


def test_counts_have_true_genres_as_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_results, "CONFUSION", tmp_path)
    (tmp_path / "official").mkdir()
    write_csv(tmp_path / "official" / "crnn.csv", confusion_table(predictions()))
    counts = run_results.read_confusion_counts(Entry("official", "crnn", {}, {}), genres=GENRES)
    np.testing.assert_array_equal(counts, [[0, 0, 3], [0, 1, 0], [0, 0, 1]])


def test_results_have_the_same_keys_for_tracks_and_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREDICTIONS", "TRACK_METRICS", "CLIP_METRICS", "CONFUSION", "DETAILS"):
        monkeypatch.setattr(results, name, tmp_path / name)
    settings = results.Evaluate(clips=2, overlap=0.0, crop="even", bootstrap=20)
    names = pd.DataFrame({"track_id": [2, 3, 5, 7, 8, 9], "artist": "Them", "title": "Song"})
    words = results.write_results(predictions(), settings=settings, names=names, genres=pd.DataFrame())
    tracks = pd.read_json(tmp_path / "TRACK_METRICS/official/crnn.json", typ="series")
    assert tracks["accuracy"] == pytest.approx(2 / 5)
    assert words == f"accuracy 0.4, macro_f1 {tracks['macro_f1']}"
    clips = pd.read_json(tmp_path / "CLIP_METRICS/official/crnn.json", typ="series")
    assert clips["accuracy"] == pytest.approx(2 / 6)
    assert set(clips.index) == set(tracks.index)
    details = json.loads((tmp_path / "DETAILS/official/crnn.json").read_text())
    assert [error["track_id"] for error in details["errors"]] == [3, 5, 2]  # the surest first


def test_results_that_the_run_no_longer_names_are_left_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kept = [
        "data/models/official/crnn/0/config.json",
        "metrics/models/official/crnn.json",
        "plots/history/official/crnn/0.csv",
        "data/predictions/shares/official/0.25/crnn.h5",
        "data/shares/official/0.25/crnn/0/config.json",
    ]
    stale = [
        "data/models/official/crnn/1/config.json",
        "metrics/models/official/cnn1d.json",
        "plots/confusion/random/crnn.csv",
        "data/predictions/shares/official/0.5/crnn.h5",
        "data/details/shares/official/0.25/cnn1d.json",
        "metrics/shares/random/0.25/crnn.json",
    ]
    for name in kept + stale:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    run = Run(
        protocols=["official"],
        models=["crnn"],
        seeds=[0],
        baselines=["svm_mfcc"],
        encoders=[],
        train_shares=[0.25],
        threads=1,
        launcher="python",
    )
    found = [path.as_posix() for path in run_results.find_leftovers(run)]
    assert found == [
        "data/details/shares/official/0.25/cnn1d.json",
        "data/models/official/crnn/1",
        "data/predictions/shares/official/0.5",
        "metrics/models/official/cnn1d.json",
        "metrics/shares/random",
        "plots/confusion/random",
    ]
