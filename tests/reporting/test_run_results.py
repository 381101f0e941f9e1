"""Compare and report read of a run what its stages wrote: no flipped bit of any table is silent."""

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fmagc.corpus.index import read_index, read_names, read_split
from fmagc.errors import DataError
from fmagc.evaluation.results import write_results
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.paths import (
    ARCHITECTURES,
    AUDIT,
    CARD,
    CLEANING,
    CLIP_COUNTS,
    CLIP_METRICS,
    CONFUSION,
    DETAILS,
    HISTORY,
    LEADERBOARD,
    MANIFEST,
    NAMES,
    PREDICTIONS,
    ROBUSTNESS,
    SPLITS,
    TIMELINES,
    TRACK_METRICS,
    TRACKS,
    training_folder,
)
from fmagc.reporting import run_results
from fmagc.reporting.comparison import read_test_sets, score_models, write_leaderboard
from fmagc.reporting.entries import Entry
from fmagc.runtime.files import read_record, write_record
from fmagc.runtime.tables import write_csv
from tests.support.damage import flipped
from tests.support.labels import flat
from tests.support.predictions import predictions_of

GENRES = ["Folk", "Rock"]
RUN = Run(
    protocols=["official"],
    models=["crnn"],
    seeds=[0],
    baselines=[],
    encoders=[],
    train_shares=[],
    threads=1,
    launcher="python",
)
NETWORK = Entry("official", "crnn", {}, {}, [{}])
OWN = Path("official/crnn.csv")
FLIPS = 60

READERS: dict[Path, Callable[[], Any]] = {
    TRACKS: read_index,
    NAMES: read_names,
    SPLITS / "official.csv": lambda: read_split("official"),
    MANIFEST: lambda: read_record(MANIFEST, stage="fetch", cached=False),
    AUDIT: lambda: read_record(AUDIT, stage="index", cached=False),
    CLEANING: lambda: read_record(CLEANING, stage="explore", cached=False),
    HISTORY / "official/crnn/0.csv": lambda: run_results.read_histories(RUN, ["official"]),
    training_folder("official", "crnn", 0) / CARD: lambda: run_results.read_entries(RUN),
    TRACK_METRICS / OWN.with_suffix(".json"): lambda: run_results.read_entries(RUN),
    CLIP_METRICS / OWN.with_suffix(".json"): lambda: run_results.read_entries(RUN),
    DETAILS / OWN.with_suffix(".json"): lambda: run_results.read_error_analysis(NETWORK),
    PREDICTIONS / OWN.with_suffix(".h5"): lambda: run_results.read_predictions(NETWORK).table(),
    CONFUSION / OWN: lambda: run_results.read_confusion_counts(NETWORK, genres=GENRES),
    CLIP_COUNTS / OWN: lambda: run_results.read_clip_counts("official", models=["crnn"]),
    TIMELINES / OWN: lambda: run_results.read_timeline("official", model="crnn"),
    ARCHITECTURES / OWN.with_suffix(".json"): lambda: run_results.read_architecture(NETWORK),
    ROBUSTNESS / "official/predictions.csv": lambda: run_results.read_robustness("official"),
    ROBUSTNESS / "official/encoders.csv": lambda: run_results.read_robustness("official"),
}


@pytest.fixture
def finished(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the tables of a finished run, and go there."""
    shutil.copytree(results, tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tables of a finished run; tests leave them as they are."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_all()
    return folder


def write_all() -> None:
    rng = np.random.default_rng(0)
    ids, n_clips = list(range(2, 14)), 2
    artists, sets, labels = [n // 2 for n in ids], ["val"] * 4 + ["test"] * 8, [n % 2 for n in ids]
    names = pd.DataFrame({"track_id": ids, "artist": "Them", "title": [f"Song # {n}" for n in ids]})
    files = pd.DataFrame({"track_id": ids, "path": [f"{n}.mp3" for n in ids], "sha1": "0" * 40, "listed_sha1": ""})
    split = pd.DataFrame({"track_id": ids, "genre": [GENRES[n] for n in labels], "artist_id": artists, "set": sets})
    for path, table in ((TRACKS, files), (NAMES, names), (SPLITS / "official.csv", split)):
        write_csv(path, table)
    predictions = predictions_of(
        rng.dirichlet([1, 1], len(ids) * n_clips).tolist(),
        protocol="official",
        model="crnn",
        seed=0,
        track_ids=np.repeat(ids, n_clips).tolist(),
        artist_ids=np.repeat(artists, n_clips).tolist(),
        sets=np.repeat(sets, n_clips).tolist(),
        clips=list(range(n_clips)) * len(ids),
        labels=np.repeat(labels, n_clips).tolist(),
        genres=GENRES,
    )
    write_results(
        predictions,
        settings=Evaluate(clips=n_clips, overlap=0.0, crop="even", bootstrap=20),
        names=names,
        genres=flat(GENRES),
    )
    curve = pd.DataFrame({"x": np.arange(5), "y": rng.random(5), "text": "a, b"})
    for path in READERS:
        if not path.exists() and path.suffix == ".csv":
            write_csv(path, curve)
        if not path.exists() and path.suffix == ".json":
            write_record(path, {"a": {"b": rng.random(9).tolist()}, "words": ["x", "y"]})


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("path", READERS, ids=str)
def test_no_flipped_bit_of_a_result_is_silent(path: Path) -> None:
    whole, expected = path.read_bytes(), repr(READERS[path]())
    rng = random.Random(str(path))
    messages = []
    for _ in range(FLIPS):
        path.write_bytes(flipped(whole, rng))
        try:
            assert repr(READERS[path]()) == expected  # a space of JSON that becomes a tab
        except DataError as error:
            messages.append(str(error))
    assert all(str(path) in message for message in messages)
    assert len(messages) > FLIPS / 2 if path.suffix == ".json" else len(messages) == FLIPS


@pytest.mark.usefixtures("finished")
@pytest.mark.parametrize("path", READERS, ids=str)
def test_a_missing_result_is_named(path: Path) -> None:
    path.unlink()
    with pytest.raises(DataError, match=str(path)):
        READERS[path]()


@pytest.mark.usefixtures("finished")
def test_the_row_of_an_encoder_is_its_probe_s() -> None:
    clips = run_results.read_predictions(NETWORK)
    settings = Evaluate(clips=2, overlap=0.0, crop="even", bootstrap=20)
    one_each = clips.select(clips.clips == 0)  # a probe predicts whole tracks
    for name, own in (("svm_mfcc", clips), ("bank", one_each)):
        write_results(replace(own, model=name), settings=settings, names=read_names(), genres=flat(GENRES))
    run = RUN.model_copy(update={"baselines": ["svm_mfcc"], "encoders": ["bank"]})
    assert run_results.find_leftovers(run) == []
    assert run_results.find_leftovers(RUN.model_copy(update={"baselines": ["svm_mfcc"]})) != []
    entries = run_results.read_entries(run)
    assert [(entry.model, entry.stage) for entry in entries] == [
        ("crnn", "evaluate"),
        ("svm_mfcc", "baseline"),
        ("bank", "probe"),
    ]
    audit = {"tracks": {"train": 4}, "test_share_with_artist_in_train": 0.0, "files_shared": 0}
    cleaning = {"accepted_by_set": {"official": {"train": 4}}, "training_by_genre": {"official": {GENRES[0]: 4}}}
    write_leaderboard(
        entries[1:],
        models=score_models(entries[1:], resamples=20),
        curves={},
        test_sets=read_test_sets(entries[1:], audits={"official": audit}, cleaning=cleaning),
        corpus="mine",
        base="official",
    )
    (row,) = [line for line in LEADERBOARD.read_text().splitlines() if line.startswith("| bank |")]
    assert row.endswith("| - | - | - | - |"), "neither clips nor parameters nor epochs"
    (PREDICTIONS / "official/bank.h5").unlink()
    with pytest.raises(DataError, match="probe@official-bank"):
        run_results.read_predictions(entries[2])


@pytest.mark.usefixtures("finished")
def test_predictions_of_another_split_are_refused() -> None:
    path = SPLITS / "official.csv"
    split = read_split("official")
    for other in (split[split["track_id"] != 13], split.assign(genre=["Other", *split["genre"][1:]])):
        write_csv(path, other)
        with pytest.raises(
            DataError, match=r"official/crnn\.h5: expected predictions of tracks and genres of .*run `dvc"
        ):
            run_results.read_predictions(NETWORK)
