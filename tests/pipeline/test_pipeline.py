"""The whole pipeline on the mini corpus, through DVC, as a user runs it."""

import json
import math
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

import fmagc
from tests.support.mini_corpus import mini_tracks
from tests.support.predictions import read_predictions
from tests.support.project import Project

NETWORKS = ("cnn1d", "crnn")
BASELINES = ("majority", "logreg_mel", "svm_mfcc")
VALIDATION_KEYS = {"accuracy", "macro_f1", "macro_precision", "macro_recall", "macro_average_precision", "log_loss"}


def test_second_repro_runs_nothing(pipeline: Project) -> None:
    assert pipeline.stages_run_by() == set()
    assert "up to date" in pipeline.dvc("status")


def test_no_stage_reaches_for_the_network(pipeline_run: Project) -> None:
    assert not pipeline_run.network_log.exists(), pipeline_run.network_log.read_text()


def test_a_stage_that_does_is_stopped_with_an_error(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p/knock.py").write_text("import socket\nsocket.create_connection(('192.0.2.1', 80), 1)\n")
    offline = Project(tmp_path / "p")
    assert "PermissionError: no network here" in offline.stage("knock", expect=1)
    assert "knock.py: socket.getaddrinfo '192.0.2.1'" in offline.network_log.read_text()


def test_ledger_accounts_for_every_track(pipeline: Project) -> None:
    ledger = pd.read_csv(pipeline.root / "data/waves/ledger.csv", keep_default_na=False)
    assert ledger["track_id"].tolist() == [track.track_id for track in mini_tracks()]
    rejected = ledger[ledger["status"] == "rejected"]
    assert rejected["reason"].value_counts().to_dict() == {"no_audio": 3, "too_short": 2}
    cleaning = json.loads((pipeline.root / "metrics/cleaning.json").read_text())
    assert cleaning.pop("accepted_by_set") == {"official": _accepted(pipeline)["set"].value_counts().to_dict()}
    training = _accepted(pipeline).query("set == 'train'")["genre"]
    assert cleaning.pop("training_by_genre") == {"official": training.value_counts().to_dict()}
    assert cleaning.pop("own_digest")
    assert cleaning == {"requested": 30, "accepted": 25, "rejected": {"no_audio": 3, "too_short": 2}}


def _accepted(pipeline: Project) -> pd.DataFrame:
    split = pd.read_csv(pipeline.root / "data/index/splits/official.csv").merge(
        pd.read_csv(pipeline.root / "data/waves/ledger.csv")
    )
    return split[split["status"] == "accepted"]


def test_metrics_show_is_the_table_of_models(pipeline: Project) -> None:
    shown = json.loads(pipeline.dvc("metrics", "show", "--json"))[""]["data"]
    rows = {path: entry["data"] for path, entry in shown.items()}
    tracks = {path: row for path, row in rows.items() if path.startswith("metrics/models")}
    names = [*NETWORKS, *BASELINES]
    assert set(tracks) == {f"metrics/models/official/{name}.json" for name in names}
    keys = {"accuracy", "macro_f1", "macro_precision", "macro_recall", "study_accuracy", "study_f1", "top3", "log_loss"}
    keys |= {"ece", "ece_scaled"} | {f"{name}_{end}" for name in ("accuracy", "macro_f1") for end in ("low", "high")}
    validation = {path: row for path, row in rows.items() if path.startswith("metrics/validation")}
    assert set(validation) == {f"metrics/validation/official/{name}/0.json" for name in NETWORKS}
    assert all(set(row) == (keys if path not in validation else VALIDATION_KEYS) for path, row in rows.items())
    history = pd.read_csv(pipeline.root / "plots/history/official/crnn/0.csv")
    assert validation["metrics/validation/official/crnn/0.json"]["log_loss"] == pytest.approx(
        history.loc[history["split"] == "val", "loss"].min(), rel=1e-4
    )
    assert rows["metrics/focus.json"] == rows["metrics/models/official/crnn.json"]


def test_leaderboard_has_all_models(pipeline: Project) -> None:
    leaderboard = (pipeline.root / "metrics/leaderboard.md").read_text()
    assert all(name in leaderboard for name in (*NETWORKS, *BASELINES, "fma_mini", "161,176", "438,808"))


def test_every_network_has_a_table_of_clip_counts(pipeline: Project) -> None:
    seen = {
        "cnn1d": (2**16, [1, 2, 3, 5, 9]),
        "crnn": (2**15, [1, 2, 3, 5, 9, 17]),
    }  # clips, and patches of half a clip
    for name, (samples, counts) in seen.items():
        table = pd.read_csv(pipeline.root / f"data/clip_counts/official/{name}.csv")
        assert sorted(table["clips"].unique()) == counts
        assert len(table) == 2 * 3 * len(counts)  # sets, rules, counts
        assert table["seconds"].tolist() == pytest.approx((table["clips"] * samples / 44_100).tolist(), abs=1e-6)
    table = pd.read_csv(pipeline.root / "data/clip_counts/official/cnn1d.csv")
    default = table.query("set == 'test' and average == 'probabilities' and clips == 2").iloc[0]
    metrics = json.loads((pipeline.root / "metrics/models/official/cnn1d.json").read_text())
    assert (default["accuracy"], default["macro_f1"]) == (metrics["accuracy"], metrics["macro_f1"])
    assert (pipeline.root / "plots/results/official/clips.png").exists()


def test_a_network_of_patches_covers_every_track(pipeline: Project) -> None:
    cache = fmagc.open_cache(pipeline.root / "data")
    counts = {name: read_predictions(pipeline.root, name).groupby("track_id").size() for name in NETWORKS}
    assert set(counts["cnn1d"]) == {2}  # evaluate.clips
    expected = {n: math.ceil(round(cache[n].seconds * 44_100) // 1024 / 32 - 1) + 1 for n in counts["cnn1d"].index}
    assert counts["crnn"].to_dict() == expected
    card = (pipeline.root / "metrics/cards/official/crnn.md").read_text()
    assert "reads patches of 0.7 s" in card
    assert "1.5 s of it at once (crnn 0.7 s)" in (pipeline.root / "plots/report.html").read_text(encoding="utf-8")


def test_errors_have_the_names_of_the_corpus(pipeline: Project) -> None:
    names = {track.track_id: (track.act.name, track.title) for track in mini_tracks()}
    for name in (*NETWORKS, "svm_mfcc"):
        errors = json.loads((pipeline.root / f"data/details/official/{name}.json").read_text())["errors"]
        assert all((error["artist"], error["title"]) == names[error["track_id"]] for error in errors)
        wrong = 8 * (1 - json.loads((pipeline.root / f"metrics/models/official/{name}.json").read_text())["accuracy"])
        assert len(errors) == round(wrong)


def test_the_code_on_a_card_predicts(pipeline: Project) -> None:
    assert {path.name for path in (pipeline.root / "metrics/cards/official").iterdir()} == {f"{n}.md" for n in NETWORKS}
    card = (pipeline.root / "metrics/cards/official/crnn.md").read_text()
    assert "synthesised" not in card, "the mini corpus is not the demo"
    code = card.split("```python\n", 1)[1].split("```", 1)[0]
    ledger = pd.read_csv(pipeline.root / "data/waves/ledger.csv")
    song = pipeline.root / "data/raw" / ledger.loc[ledger["status"] == "accepted", "path"].iloc[0]
    said = pipeline.python(
        code.replace('"song.mp3"', repr(str(song))) + "print(len(model.genres), sum(prediction.probabilities))"
    )
    n_genres, total = said.split()[-2:]
    assert n_genres == "8"
    assert float(total) == pytest.approx(1)


def test_statistics_are_those_of_the_training_tracks_alone(pipeline: Project) -> None:
    found = json.loads((pipeline.root / "data/stats/official.json").read_text())
    split = pd.read_csv(pipeline.root / "data/index/splits/official.csv")
    training = set(split.loc[split["set"] == "train", "track_id"])
    shards = json.loads((pipeline.root / "data/mels/manifest.json").read_text())["shards"]
    rows = []
    for name in shards:
        with h5py.File(pipeline.root / "data/mels" / name) as shard:
            for track_id, length, row in zip(shard["track_id"], shard["length"], shard["mels"], strict=True):
                rows += [row[:length].astype(np.float64)] if track_id in training else []
    frames = np.concatenate(rows)
    assert found["tracks"] == len(rows) < len(split)
    np.testing.assert_allclose(found["mel"]["mean_"], frames.mean(axis=0), rtol=1e-9)
    spread = [band for band in range(frames.shape[1]) if band not in found["mel"]["without_spread"]]
    np.testing.assert_allclose(np.array(found["mel"]["scale_"])[spread], frames.std(axis=0)[spread], rtol=1e-9)


def test_history_has_two_rows_an_epoch(pipeline: Project) -> None:
    history = pd.read_csv(pipeline.root / "plots/history/official/crnn/0.csv")
    columns = ["protocol", "model", "seed", "epoch", "split", "loss", "accuracy", "precision", "recall", "f1"]
    assert history.columns.tolist() == [*columns, "average_precision", "own_digest"]
    assert history["split"].tolist() == ["train", "val"]


def test_robustness_has_every_network(pipeline: Project) -> None:
    predictions = pd.read_csv(pipeline.root / "data/robustness/official/predictions.csv")
    encoders = pd.read_csv(pipeline.root / "data/robustness/official/encoders.csv")
    assert set(predictions["model"]) == set(encoders["model"]) == set(NETWORKS)
    assert set(predictions["transform"]) == {"gain_db", "time_stretch_rate", "mp3_kbps"}
    assert predictions["flipped"].between(0, 1).all()
    crnn = predictions[predictions["model"] == "crnn"].set_index("transform")["kl"]
    assert crnn["gain_db"] < crnn["time_stretch_rate"]  # its spectrograms are relative to the track's maximum
    assert encoders.loc[encoders["steps"] == 1, "equivariance"].max() < 0.01 < encoders["invariance"].min()


def test_weight_decay_of_one_model_reruns_that_model_alone(pipeline: Project) -> None:
    pipeline.change_params(lambda params: params["models"]["crnn"].update(weight_decay=0.01))
    ran = pipeline.stages_run_by()
    pipeline.restore()
    assert ran == {
        "settings",
        "train@official-crnn-0",
        "evaluate@official-crnn",
        "robustness@official",
        "compare",
        "report",
    }


def test_limits_of_a_run_change_nothing_that_was_decoded(pipeline: Project) -> None:
    pipeline.change_params(lambda params: params["audio"].update(max_reject_fraction=0.4, timeout_s=61.0))
    ran = pipeline.stages_run_by("stats@official")
    pipeline.restore()
    assert ran == {"decode"}


def test_mel_settings_do_not_decode_again(pipeline: Project) -> None:
    pipeline.change_params(lambda params: params["mel"].update(n_mels=64))
    ran = pipeline.stages_run_by("mel")
    pipeline.restore()
    assert ran == {"mel"}


def test_editing_the_trainer_leaves_the_cache_alone(pipeline: Project) -> None:
    pipeline.edit_code("fmagc/training/loop.py")
    cache = pipeline.dvc("repro", "--dry", "decode", "mel", "stats@official")
    training = pipeline.dvc("repro", "--dry", "--single-item", "train@official-crnn-0")
    pipeline.restore()
    assert "Running stage" not in cache
    assert "Running stage 'train@official-crnn-0'" in training


def test_editing_the_cache_reader_runs_decode_which_finds_all_shards(pipeline: Project) -> None:
    pipeline.edit_code("fmagc/cache/reader.py")
    printed = pipeline.dvc("repro", "decode")
    unchanged = pipeline.git("status", "--porcelain", "metrics", "plots")
    pipeline.restore()
    assert "Running stage 'decode'" in printed
    assert re.search(r"^0 tracks to decode, .*; (\d+) of \1 shards are there$", printed, re.MULTILINE)
    assert re.search(r"^0 shards made \(0 tracks/s\), \d+ reused$", printed, re.MULTILINE)
    assert unchanged == ""


def test_editing_a_figure_trains_nothing(pipeline: Project) -> None:
    pipeline.edit_code("fmagc/reporting/figures/curves.py")
    ran = pipeline.stages_run_by("--dry")
    pipeline.restore()
    assert ran == {"explore", "compare", "report"}


def test_bad_settings_stop_with_status_2_and_checkout_restores(pipeline: Project) -> None:
    pipeline.change_params(lambda params: params["mel"].update(n_mels=-1, hop_lenght=3))
    said = pipeline.stage("stages.settings", expect=2)
    pipeline.dvc("repro", "mel", expect=255)
    assert not (pipeline.root / "data/mels").exists()  # DVC empties outs before it runs a stage
    pipeline.restore()
    assert (pipeline.root / "data/mels/manifest.json").exists()
    assert "mel.n_mels: expected more than 0, found -1" in said
    assert "mel.hop_lenght: expected no such key, found 3. Did you mean hop_length?" in said


def test_two_models_compare_with_one_command(pipeline: Project) -> None:
    pipeline.stage("fmagc", "refs")
    said = pipeline.dvc("metrics", "diff", "models/official/cnn1d", "models/official/crnn", "--json", "--all")
    difference = json.loads(said)["metrics/focus.json"]["accuracy"]
    for model, end in (("cnn1d", "old"), ("crnn", "new")):
        expected = json.loads((pipeline.root / f"metrics/models/official/{model}.json").read_text())["accuracy"]
        assert difference[end] == expected


def test_rebuild_from_nothing_gives_the_same_bytes(pipeline: Project) -> None:
    for name in ("data", ".dvc/cache", ".dvc/tmp", "plots", "metrics"):
        shutil.rmtree(pipeline.root / name, ignore_errors=True)
    pipeline.dvc("repro")
    assert pipeline.git("status", "--porcelain") == ""


def test_clone_without_data_is_consistent(pipeline: Project, tmp_path) -> None:
    pipeline.git("clone", "--quiet", str(pipeline.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.dvc("repro", "--dry", "--allow-missing")
    assert "crnn" in clone.dvc("metrics", "show")
    assert "file://" in clone.dvc("plots", "show")
