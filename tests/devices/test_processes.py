"""Several processes on one network, as `torchrun` starts them: the same clips, gradients and verdicts as with one."""

import json
import re
import subprocess
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fmagc.devices.device import prepare
from fmagc.devices.process_group import Share
from fmagc.errors import SettingsError
from fmagc.training.state import State
from tests.support.dag import ROOT
from tests.support.devices import BATCH_SIZES, N_TRACKS, RECIPES, Work, everything, normalised, write_cache
from tests.support.project import Project

LAUNCH = ("torch.distributed.run", "--standalone", "--nproc_per_node")


def launch(n: int, *command: str, cwd: Path = ROOT, expect_failure: bool = False) -> tuple[str, str]:
    """Start several processes; return what they printed, standard output and errors."""
    done = subprocess.run(
        [sys.executable, "-m", *LAUNCH, str(n), "-m", *command], cwd=cwd, capture_output=True, text=True, timeout=900
    )
    assert (done.returncode != 0) == expect_failure, done.stdout + done.stderr
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("devices")
    write_cache(folder)
    return folder


@pytest.fixture(scope="module")
def one(folder: Path) -> dict[str, Any]:
    """Run one process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fmagc.dataset.clips.MELS", folder / "mels")
        return everything(Work(folder, prepare("float32", threads=1, seed=0)))


@pytest.fixture(scope="module", params=[pytest.param(n, marks=pytest.mark.slow) for n in (2, 3)])
def several(request: pytest.FixtureRequest, folder: Path) -> list[dict[str, Any]]:
    """Run several processes."""
    n = request.param
    launch(n, "tests.support.devices", "everything", str(folder))
    return [torch.load(folder / f"{rank}-of-{n}.pt", weights_only=False) for rank in range(n)]


@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_each_clip_is_read_once_in_a_round_by_one_process(
    one: dict[str, Any], several: list[dict[str, Any]], batch_size: int
) -> None:
    alone, *parts = ([batch["tracks"] for batch in each["gradients"]["study"][batch_size]] for each in (one, *several))
    assert sorted(chain(*alone[: len(alone) // 2])) == list(range(N_TRACKS))
    assert sorted(chain(*alone[len(alone) // 2 :])) == list(range(N_TRACKS))
    assert [list(chain(*batch)) for batch in zip(*parts, strict=True)] == alone


@pytest.mark.parametrize("which", RECIPES)
@pytest.mark.parametrize("batch_size", BATCH_SIZES)
def test_gradients_are_those_of_one_process(
    one: dict[str, Any], several: list[dict[str, Any]], batch_size: int, which: str
) -> None:
    for alone, *parts in zip(*(each["gradients"][which][batch_size] for each in (one, *several)), strict=True):
        for part in parts:
            assert part["n_clips"] == alone["n_clips"]
            assert torch.equal(part["gradient"], parts[0]["gradient"])
            # sums of some 500 float32 products in another order
            torch.testing.assert_close(part["gradient"], alone["gradient"], rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(part["loss"], alone["loss"], rtol=1e-5, atol=0)


def test_three_processes_and_batches_of_two_leave_one_without_clips(several: list[dict[str, Any]]) -> None:
    sizes = {len(batch["tracks"]) for batch in several[-1]["gradients"]["study"][2]}
    assert sizes == ({0} if len(several) == 3 else {0, 1})


def test_evaluation_is_that_of_one_process_to_the_last_bit(one: dict[str, Any], several: list[dict[str, Any]]) -> None:
    assert one["predicted"].shape == (2 * N_TRACKS, 2)
    assert len(np.unique(one["predicted"][:, 0])) == 2 * N_TRACKS
    for each in several:
        assert np.array_equal(each["predicted"], one["predicted"])


@pytest.mark.parametrize("which", RECIPES)
def test_a_training_is_the_same_in_every_process_and_close_to_that_of_one(
    one: dict[str, Any], several: list[dict[str, Any]], which: str
) -> None:
    alone, first, *others = (each["trained"][which] for each in (one, *several))
    for other in others:
        assert other["history"] == first["history"]
        assert all(torch.equal(other["model"][name], value) for name, value in first["model"].items())
    assert len(first["history"]) == 4
    for row, expected in zip(first["history"], alone["history"], strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-3)


@pytest.mark.parametrize("which", RECIPES)
def test_validation_is_that_of_the_weights_of_rank_zero_and_running_statistics(
    folder: Path, monkeypatch: pytest.MonkeyPatch, several: list[dict[str, Any]], which: str
) -> None:
    monkeypatch.setattr("fmagc.dataset.clips.MELS", folder / "mels")
    work, model = Work(folder, prepare("float32", threads=1, seed=0)), normalised()
    for each in several:
        trained = each["normalised"][which]
        model.load_state_dict(trained["model"])
        state = State(model, weight_decay=0.0)
        row = work.trainer(state, which).measure(work.validation(), done=lambda n_clips: None)
        assert row["loss"] == trained["history"][-1]["loss"] == several[0]["normalised"][which]["history"][-1]["loss"]


def test_dropout_differs_between_processes_and_follows_from_the_batch(several: list[dict[str, Any]]) -> None:
    first, *others = (each["dropped"] for each in several)
    assert first[1] != first[2]  # rank zero's generator runs on: it is part of the checkpoint
    for first_batch, second_batch, again in others:
        assert second_batch == again != first_batch
    assert len({tuple(masks[1]) for masks in (first, *others)}) == len(several)


def test_a_signal_to_one_process_stops_all_after_the_same_batch(several: list[dict[str, Any]]) -> None:
    for each in several:
        assert "stopped by SIGTERM in epoch 2, after batch 2" in each["interrupted"]["said"]
        assert each["interrupted"]["kept"] == [(2, 0), (2, 2)]


def test_a_clip_of_one_process_that_is_no_number_stops_all_before_the_step(
    one: dict[str, Any], several: list[dict[str, Any]]
) -> None:
    for each in (one, *several):
        tracks = one["gradients"]["study"][4][0]["tracks"]
        assert f"in epoch 1, batch 1, tracks {tracks}" in each["exploded"]["said"]
        assert each["exploded"]["kept"] == []


@pytest.mark.slow
def test_a_process_that_fails_ends_all_with_its_message(folder: Path) -> None:
    said, errors = launch(2, "tests.support.devices", "failing", str(folder), expect_failure=True)
    assert said == "training\n"
    assert re.search(r"^error \(process 1\): loader: epoch 1, batch 1, tracks .*no such clip", errors, re.M)


def test_shares_are_runs_that_make_the_whole() -> None:
    for n, of in ((8, 2), (7, 2), (1, 3), (0, 2)):
        runs = [Share(rank, of).shard_batch(np.arange(n)).tolist() for rank in range(of)]
        assert list(chain(*runs)) == list(range(n))
        assert max(map(len, runs)) - min(map(len, runs)) <= 1
        turns = list(zip(*(Share(rank, of).shard_batches(range(n)) for rank in range(of)), strict=True))
        assert [batch for turn in turns for batch in turn if batch is not None] == list(range(n))


def test_a_batch_that_leaves_a_gpu_without_clips_is_refused_before_it_hangs() -> None:
    hardware = prepare("float32", threads=1, seed=0)
    hardware.processes.share = Share(rank=0, of=4)
    hardware.require_clips(3)  # on CPUs nobody waits
    hardware.device = torch.device("cuda")
    hardware.require_clips(4)
    with pytest.raises(SettingsError, match="a clip for each of 4 GPUs in every batch, found batches of 3"):
        hardware.require_clips(3)


def test_train_and_evaluate_run_on_two_processes_and_one_writes(pipeline: Project) -> None:
    folder, predictions = (
        pipeline.root / "data/models/official/crnn/0",
        pipeline.root / "data/predictions/official/crnn.h5",
    )
    before = json.loads((folder / "config.json").read_text())
    said, _ = launch(2, "stages.train", "official", "crnn", "0", cwd=pipeline.root)
    card = json.loads((folder / "config.json").read_text())
    files = sorted(path.name for path in folder.iterdir())
    history = pd.read_csv(pipeline.root / "plots/history/official/crnn/0.csv")
    assert len(re.findall("438808 parameters on 2 processes, cpu", said)) == 1
    assert len(re.findall("^crnn: best epoch 1", said, re.M)) == 1
    assert files == ["config.json", "model.safetensors"]
    assert (before["hardware"]["processes"], card["hardware"]["processes"]) == (1, 2)
    assert before["weights"] != card["weights"]
    assert history["split"].tolist() == ["train", "val"]
    pipeline.stage("stages.evaluate", "official", "crnn")
    by_one = predictions.read_bytes()
    predictions.unlink()
    said, _ = launch(2, "stages.evaluate", "official", "crnn", cwd=pipeline.root)
    assert len(said.splitlines()) == 1
    assert predictions.read_bytes() == by_one
    pipeline.restore()
