"""Encoders in the pipeline: no stage without one, and with one the stages that it needs alone, through DVC."""

import json
import shutil

import pandas as pd
import pytest

from tests.support.encoders import save_torchscript
from tests.support.encoders import settings as settings_of
from tests.support.project import Project


def test_without_encoders_there_is_no_stage_for_them(pipeline: Project) -> None:
    listed = pipeline.dvc("stage", "list", "--name-only").split()
    assert [name for name in listed if name.startswith(("embed", "probe"))] == []
    assert not (pipeline.root / "data/embeddings").exists()


def test_an_encoder_is_one_more_row_of_the_table(pipeline: Project) -> None:
    pytest.importorskip("torch")
    folder = pipeline.root / "my encoders"
    folder.mkdir()
    path = save_torchscript(folder / "bank.pt")
    own = settings_of(path, sample_rate=22_050, seconds=0.5).model_dump() | {"path": "my encoders/bank.pt"}

    def name_it(params: dict[str, object], sha256: str | None) -> None:
        params["encoders"] = {"bank": own | {"sha256": sha256}}
        params["run"]["encoders"] = ["bank"]  # type: ignore[index]

    pipeline.change_params(lambda params: name_it(params, None))
    said = pipeline.stage("stages.settings", expect=2)
    assert f"my encoders/bank.pt, write {own['sha256']}" in said
    pipeline.change_params(lambda params: name_it(params, own["sha256"]))
    ran = pipeline.stages_run_by()
    leaderboard = (pipeline.root / "metrics/leaderboard.md").read_text()
    page = (pipeline.root / "plots/report.html").read_text()
    metrics = json.loads((pipeline.root / "metrics/models/official/bank.json").read_text())
    ledger = pd.read_csv(pipeline.root / "data/embeddings/bank/ledger.csv")
    predicted = {
        name: pd.read_csv(pipeline.root / f"data/predictions/official/{name}.csv") for name in ("bank", "majority")
    }
    again = pipeline.stages_run_by()
    shutil.move(folder, pipeline.root / "elsewhere")
    pipeline.change_params(lambda params: params["encoders"]["bank"].update(path="elsewhere/bank.pt", C=[0.1]))
    moved = pipeline.stages_run_by()
    listed = pipeline.dvc("metrics", "show", "metrics/models/official/bank.json", "--json")
    pipeline.restore()
    shutil.rmtree(pipeline.root / "elsewhere")
    assert ran == {"settings", "embed@bank", "probe@official-bank", "compare", "report"}
    assert again == set()
    assert moved == {"settings", "probe@official-bank", "compare", "report"}
    assert (ledger["status"] == "accepted").sum() == 25 == len(ledger)
    assert set(predicted["bank"]["track_id"]) == set(predicted["majority"]["track_id"])
    assert len(predicted["bank"]) == predicted["bank"]["track_id"].nunique()
    assert f"| bank | {metrics['accuracy']:.3f} [" in leaderboard
    assert "bank" in page
    assert "accuracy" in listed


def test_an_encoder_without_a_file_is_one_clear_fault(pipeline: Project) -> None:
    own = {"path": "none.onnx", "sha256": None, "input": "waveform", "sample_rate": 16_000, "seconds": 1.0}

    def name_it(params: dict[str, object]) -> None:
        params["run"]["encoders"] = ["gone", "unknown"]  # type: ignore[index]
        params["encoders"] = {"gone": own | {"batch_size": 8, "C": [1.0]}}

    pipeline.change_params(name_it)
    both = pipeline.stage("stages.settings", expect=2)
    pipeline.change_params(lambda params: params["run"].update(encoders=["gone"]))
    said = pipeline.stage("stages.settings", expect=2)
    pipeline.restore()
    assert "run.encoders: expected a name that has a block in encoders (gone), found 'unknown'" in both
    assert (
        "1 fault\n  encoders.gone.path: expected a TorchScript or ONNX file at none.onnx, found nothing there" in said
    )
