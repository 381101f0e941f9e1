"""Trainings that are stopped, explode, or lose their data or their disk: told, never a hang, the rest is kept."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fmagc.cache.window_reader import ClipReader
from fmagc.corpus.index import read_split
from fmagc.models.card import read_card
from fmagc.models.networks import Network
from fmagc.paths import CARD, SPLITS
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.tables import write_csv
from fmagc.training import checkpoints as checkpoints_module
from fmagc.training.loop import Trainer
from tests.faults.kills import clear, epochs_of
from tests.support.dag import ROOT
from tests.support.damage import put
from tests.support.small_project import EPOCHS, TRAINED, Small, without_bars
from tests.support.train_run import FOLDER, train, train_with


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("owner", "name", "number", "batch"), [(torch.optim.Adam, "step", 8, 2), (Trainer, "measure", 6, 3)]
)
def test_a_signal_ends_the_training_after_the_batch_and_the_next_run_goes_on(
    made: Small,
    trained: Small,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    received: signal.Signals,
    owner: object,
    name: str,
    number: int,
    batch: int,
) -> None:
    status = train_with(monkeypatch, owner, name, number, lambda: os.kill(os.getpid(), received))
    told = capfd.readouterr()
    assert status == 128 + received
    assert epochs_of(told.out) == [1, 2]
    assert without_bars(told.err) == [
        f"error: stopped by {received.name} in epoch 3, after batch {batch}; all is saved: run `dvc repro` again to go "
        "on from there"
    ]
    assert not TRAINED.exists()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert train(monkeypatch) == 0
    said = capfd.readouterr().out
    assert f"{FOLDER}: going on in epoch 3, after batch {batch}" in said
    assert epochs_of(said) == list(range(3, EPOCHS + 1))
    assert made.published("train") == trained.published("train")


def test_a_training_of_patches_goes_on_in_the_round_in_which_it_was_stopped(
    made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    patches = {"patch_samples": 2**14, "patches_per_track": 3}
    made.change("models", crnn={"dropout": 0.5, "weight_decay": 1e-4, **patches})
    made.change("train", epochs=2, patience=2)
    assert train(monkeypatch) == 0
    whole = made.published("train")
    assert read_card(TRAINED / CARD, stage="train")["architecture"]["clip_samples"] == 2**14
    clear(made, "train")
    in_second_round = 9 + 5  # an epoch is three rounds of three batches
    stop = lambda: os.kill(os.getpid(), signal.SIGTERM)  # noqa: E731
    assert train_with(monkeypatch, torch.optim.Adam, "step", in_second_round, stop) == 128 + signal.SIGTERM
    capfd.readouterr()
    assert train(monkeypatch) == 0
    assert f"{FOLDER}: going on in epoch 2, after batch 5" in capfd.readouterr().out
    assert made.published("train") == whole
    made.change("clip", samples=2**14)  # by whose length patches are counted that are measured
    assert train(monkeypatch) == 0
    assert epochs_of(capfd.readouterr().out) == [1, 2]


@pytest.mark.parametrize("received", ["SIGTERM", "SIGINT"])
def test_a_second_signal_ends_the_process_at_once(received: str) -> None:
    code = (
        "import os, signal\nfrom fmagc.training.signals import Interrupts\n"
        f"with Interrupts() as interrupts:\n    os.kill(os.getpid(), signal.{received})\n"
        "    print(interrupts.received.name, flush=True)\n"
        f"    os.kill(os.getpid(), signal.{received})\n    print('still there', flush=True)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.Signals[received]
    assert done.stdout == f"{received}\n"


def test_a_signal_that_the_caller_ignores_stays_ignored(made: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert train_with(monkeypatch, torch.optim.Adam, "step", 1, lambda: os.kill(os.getpid(), signal.SIGINT)) == 0
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_finished_training_is_taken_over_until_its_folder_is_removed(
    made: Small, trained: Small, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clear(made, "train")
    shutil.copytree(trained.root / FOLDER, FOLDER)  # as when DVC was killed while it looked at the outs
    assert train(monkeypatch) == 0
    said = capfd.readouterr().out
    assert f"trained before, and nothing changed: reused; `rm -r {FOLDER}` to train again" in said
    assert epochs_of(said) == []
    assert made.published("train") == trained.published("train")
    shutil.rmtree(FOLDER)
    assert train(monkeypatch) == 0
    assert epochs_of(capfd.readouterr().out) == list(range(1, EPOCHS + 1))
    assert made.published("train") == trained.published("train")


def test_a_state_of_other_settings_is_not_used_and_goes(
    stopped: Small, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path.name for path in FOLDER.iterdir()}
    stopped.change("train", lr=0.01, epochs=1)
    assert train(monkeypatch) == 0
    said = capfd.readouterr().out
    assert "going on" not in said
    assert epochs_of(said) == [1]
    assert not before & {path.name for path in FOLDER.iterdir()}


def test_a_second_training_is_told_who_is_there(
    made: Small, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ArtifactStore("train/" + FOLDER.name):
        assert train(monkeypatch) == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line == f"error: {FOLDER}: process {os.getpid()} is already at this stage: " + (
        "wait for it, or end it, and run again"
    )


def test_a_loss_that_explodes_stops_the_training_and_the_last_state_stays(
    made: Small, trained: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    forward = Network.__call__
    poisoned = iter(range(1, 1000))

    def explode(model: Network, views: dict[str, torch.Tensor]) -> torch.Tensor:
        logits = forward(model, views)
        return logits * float("inf") if model.training and next(poisoned) == 8 else logits

    with monkeypatch.context() as patch:
        patch.setattr(Network, "__call__", explode)
        assert train(monkeypatch) == 1
    (line,) = without_bars(capfd.readouterr().err)
    where = "a loss of nan and a gradient of norm nan in epoch 3, batch 2, tracks ["
    assert line.startswith(f"error: training: expected a finite loss and gradient, found {where}")
    assert train(monkeypatch) == 0
    assert f"{FOLDER}: going on in epoch 3, after batch 0" in capfd.readouterr().out
    assert made.published("train") == trained.published("train")


def test_a_shard_that_is_cut_while_in_use_is_told_with_its_batch_and_tracks(
    made: Small, trained: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shard = Path("data/mels/000.h5")
    content = shard.read_bytes()
    status = train_with(monkeypatch, torch.optim.Adam, "step", 4, lambda: os.truncate(shard, 5000))
    assert status == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert "error: loader: " in line
    assert "batch " in line
    assert f"{shard}: expected " in line
    assert "the shard was cut while it was in use; run `dvc checkout --force`" in line
    put(shard, content)
    assert train(monkeypatch) == 0
    assert made.published("train") == trained.published("train")


@pytest.mark.parametrize(
    ("number", "where"), [(8, "in epoch 2, batch 3, tracks ["), (4, "in batch 1 of the fixed clips, tracks [")]
)
def test_a_loader_that_fails_in_an_unknown_way_is_named_and_no_hang(
    made: Small, monkeypatch: pytest.MonkeyPatch, number: int, where: str
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("by accident")

    with pytest.raises(ZeroDivisionError, match="by accident") as caught:
        train_with(monkeypatch, ClipReader, "read", number, fail)
    (note,) = caught.value.__notes__
    assert f"This happened in the loader, {where}" in note


def test_a_full_disk_leaves_the_states_that_are_there(
    made: Small, trained: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device", str(FOLDER))

    assert train_with(monkeypatch, checkpoints_module, "write_bytes", 4, full) == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line.startswith(f"error: {FOLDER}: no space left on device: make room there")
    assert train(monkeypatch) == 0
    assert f"{FOLDER}: going on in epoch 4, after batch 0" in capfd.readouterr().out
    assert made.published("train") == trained.published("train")


@pytest.mark.parametrize("name", ["train", "val"])
def test_an_empty_set_is_refused(
    made: Small, capfd: pytest.CaptureFixture[str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = read_split("official")
    write_csv(SPLITS / "official.csv", split[split["set"] != name])
    assert train(monkeypatch) == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line == f"error: set {name}: expected tracks in the split, found none: see metrics/split.json"
