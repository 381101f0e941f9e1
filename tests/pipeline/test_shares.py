"""Shares of the training set from end to end: through DVC, and what the stages do in a small project."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from fmagc.runtime.tables import write_csv
from tests.support.predictions import read_predictions
from tests.support.project import Project
from tests.support.small_project import IDS, Small

pytest.importorskip("torch")

SHARE = Path("shares/official/0.5")


@pytest.fixture(scope="module")
def small(sound: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A project whose cnn1d and majority were trained on half of the training set, with two seeds."""
    project = Small(shutil.copytree(sound.root, tmp_path_factory.mktemp("shares") / "little"))
    project.change("train", epochs=1)
    project.change("run", train_shares=[0.5], seeds=[0, 1])
    for stage in ("share official 0.5 cnn1d", "baseline official majority --share 0.5"):
        ended = project.run_here(*f"stages.{stage}".split())
        assert ended.status == 0, ended
    return project


def test_a_share_predicts_the_tracks_of_the_whole_set(small: Small) -> None:
    names = pd.DataFrame({"track_id": IDS, "artist": "Them", "title": "Song"})
    write_csv(small.root / "data/index/names.csv", names)
    assert small.run_here("stages.baseline", "official", "majority").status == 0
    columns = ["track_id", "set", "clip", "genre"]
    whole, share = (
        read_predictions(small.root, "majority", protocol=protocol) for protocol in ("official", str(SHARE))
    )
    pd.testing.assert_frame_equal(whole[columns], share[columns])
    network = read_predictions(small.root, "cnn1d", protocol=str(SHARE))
    assert network["seed"].unique().tolist() == [0, 1]
    assert set(network["track_id"]) == set(whole["track_id"])


def test_models_and_baselines_have_the_same_tracks_of_a_share(small: Small) -> None:
    sizes = {
        json.loads((small.root / "data/details" / SHARE / f"{name}.json").read_text())["training_tracks"]
        for name in ("cnn1d", "majority")
    }
    assert len(sizes) == 1
    assert sizes.pop() < 5  # of the whole set


def test_z_scores_are_those_of_the_share(small: Small) -> None:
    card = json.loads((small.root / "data" / SHARE / "cnn1d/0/config.json").read_text())
    whole = json.loads((small.root / "data/stats/official.json").read_text())["waveform"]
    assert card["normalisation"]["waveform"]["scale_"] != whole["scale_"]


def test_metrics_have_the_keys_of_every_model(small: Small) -> None:
    names = ("cnn1d", "majority")
    metrics = {name: json.loads((small.root / "metrics" / SHARE / f"{name}.json").read_text()) for name in names}
    assert {"macro_f1", "macro_f1_low", "macro_f1_high", "accuracy"} <= set(metrics["majority"])
    assert set(metrics["majority"]) == {key for key in metrics["cnn1d"] if not key.endswith("_std")}


def test_a_finished_training_is_not_made_again_and_gives_the_same_bytes(small: Small) -> None:
    path = small.root / "data/predictions" / SHARE / "cnn1d.h5"
    before = path.read_bytes()
    ended = small.run_here("stages.share", "official", "0.5", "cnn1d")
    assert ended.status == 0
    assert ended.out.count("trained before, and nothing changed: reused") == 2
    assert path.read_bytes() == before


def test_shares_run_beside_the_whole_set_and_leave_no_trace_without(pipeline: Project) -> None:
    leaderboard, page = pipeline.root / "metrics/leaderboard.md", pipeline.root / "plots/report.html"
    assert "Training tracks" not in leaderboard.read_text()
    assert 'id="shares"' not in page.read_text()
    assert not (pipeline.root / "metrics/shares").exists()
    pipeline.change_params(lambda params: params["run"].update(train_shares=[0.5]))
    ran = pipeline.stages_run_by()
    models, baselines = ("cnn1d", "crnn"), ("majority", "logreg_mel", "svm_mfcc")
    assert ran == {
        "settings",
        *(f"share@official-0.5-{name}" for name in models),
        *(f"share_baseline@official-0.5-{name}" for name in baselines),
        "compare",
        "report",
    }
    assert "## Training tracks, `official`" in leaderboard.read_text()
    assert 'id="shares"' in page.read_text()
    assert (pipeline.root / "plots/results/official/shares.png").exists()
    shown = json.loads(pipeline.dvc("metrics", "show", "--json"))[""]["data"]
    assert {f"metrics/{SHARE}/{name}.json" for name in (*models, *baselines)} <= set(shown)
    pipeline.restore()
