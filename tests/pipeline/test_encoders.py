"""Encoders in the pipeline: no stage without one, and with one the stages that it needs alone, through DVC."""

import json
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from tests.support.encoders import save_torchscript
from tests.support.encoders import settings as settings_of
from tests.support.predictions import read_predictions
from tests.support.project import Project


@pytest.fixture
def own_run(pipeline_run: Project, tmp_path: Path) -> Project:
    """A copy for one test, which leaves results that no other may find."""
    subprocess.run(["cp", "-a", pipeline_run.root, tmp_path / "project"], check=True)
    return Project(tmp_path / "project")


def test_without_encoders_there_is_no_stage_for_them(own_run: Project) -> None:
    listed = own_run.dvc("stage", "list", "--name-only").split()
    assert [name for name in listed if name.startswith(("embed", "probe"))] == []
    assert not (own_run.root / "data/embeddings").exists()


def test_an_encoder_is_one_more_row_of_the_table(own_run: Project) -> None:
    pytest.importorskip("torch")
    folder = own_run.root / "my encoders"
    folder.mkdir()
    path = save_torchscript(folder / "bank.pt")
    own = settings_of(path, sample_rate=22_050, seconds=0.5).model_dump() | {"path": "my encoders/bank.pt"}

    def name_it(params: dict[str, object], sha256: str | None) -> None:
        params["encoders"] = {"bank": own | {"sha256": sha256}}
        params["run"]["encoders"] = ["bank"]  # type: ignore[index]

    own_run.change_params(lambda params: name_it(params, None))
    said = own_run.stage("stages.settings", expect=2)
    assert f"my encoders/bank.pt, write {own['sha256']}" in said
    own_run.change_params(lambda params: name_it(params, own["sha256"]))
    ran = own_run.stages_run_by()
    leaderboard = (own_run.root / "metrics/leaderboard.md").read_text()
    page = (own_run.root / "plots/report.html").read_text()
    metrics = json.loads((own_run.root / "metrics/models/official/bank.json").read_text())
    ledger = pd.read_csv(own_run.root / "data/embeddings/bank/ledger.csv")
    predicted = {name: read_predictions(own_run.root, name) for name in ("bank", "majority")}
    again = own_run.stages_run_by()
    shutil.move(folder, own_run.root / "elsewhere")
    own_run.change_params(lambda params: params["encoders"]["bank"].update(path="elsewhere/bank.pt", C=[0.1]))
    moved = own_run.stages_run_by()
    listed = own_run.dvc("metrics", "show", "metrics/models/official/bank.json", "--json")
    assert ran == {"settings", "embed@bank", "probe@official-bank", "compare", "report"}
    assert again == set()
    assert moved == {"settings", "probe@official-bank", "compare", "report"}
    assert (ledger["status"] == "accepted").sum() == 25 == len(ledger)
    assert set(predicted["bank"]["track_id"]) == set(predicted["majority"]["track_id"])
    assert len(predicted["bank"]) == predicted["bank"]["track_id"].nunique()
    assert f"| bank | {metrics['accuracy']:.3f} [" in leaderboard
    assert "bank" in page
    assert "accuracy" in listed


def test_an_encoder_without_a_file_is_one_clear_fault(own_run: Project) -> None:
    own = {"path": "none.onnx", "sha256": None, "input": "waveform", "sample_rate": 16_000, "seconds": 1.0}

    def name_it(params: dict[str, object]) -> None:
        params["run"]["encoders"] = ["gone", "unknown"]  # type: ignore[index]
        params["encoders"] = {"gone": own | {"batch_size": 8, "C": [1.0]}}

    own_run.change_params(name_it)
    both = own_run.stage("stages.settings", expect=2)
    own_run.change_params(lambda params: params["run"].update(encoders=["gone"]))
    said = own_run.stage("stages.settings", expect=2)
    assert "run.encoders: expected a name that has a block in encoders (gone), found 'unknown'" in both
    assert (
        "1 fault\n  encoders.gone.path: expected a TorchScript or ONNX file at none.onnx, found nothing there" in said
    )
