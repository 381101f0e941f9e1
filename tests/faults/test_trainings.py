"""Trainings that are stopped, fed with damage or with what is no number: told, never a hang, and the rest is kept."""

import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from fmagc.errors import DataError
from fmagc.files import digest, read_record, write_record
from fmagc.models.networks import Network
from fmagc.models.registry import build
from fmagc.staging import Staging
from fmagc.store.clips import ClipReader
from fmagc.training import checkpoints as checkpoints_module
from fmagc.training import fit as fit_module
from fmagc.training.checkpoints import Checkpoints
from fmagc.training.outputs import CARD, WEIGHTS
from fmagc.training.state import State
from fmagc.training.tensors import pack
from fmagc.training.weights import load_trained
from tests.dag import ROOT
from tests.faults.kills import clear, epochs_of
from tests.faults.small import EPOCHS, TRAINED, TRAINING, Small, without_bars
from tests.faults.test_damage import flipped, put
from tests.faults.test_disk import run_here

FLIPS = 200
FOLDER = Path("data/.staging/train") / "-".join(TRAINING)
SHAPE = {"n_classes": 2, "dropout": 0.3, "clip_samples": 2**15, "hop_length": 512, "n_mels": 32}


@pytest.fixture(autouse=True)
def arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["stages.train", *TRAINING])


@pytest.fixture
def stopped(made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Small:
    """Go to a project whose training was stopped in its third epoch."""
    train_with(monkeypatch, torch.optim.Adam, "step", 8, lambda: os.kill(os.getpid(), signal.SIGTERM))
    capfd.readouterr()
    return made


def train_with(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, number: int, act: Callable[[], None]) -> int:
    """Train, and do something just before the n-th call of a function."""
    calls = iter(range(1, 1000))
    call = getattr(owner, name)

    def late(*positional: object, **named: object) -> object:
        if next(calls) == number:
            act()
        return call(*positional, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, late)
        return run_here("train")


def fresh(name: str = "crnn") -> State:
    """Make a state that no training has seen."""
    return State(build(name, **SHAPE), lr=0.001, weight_decay=0.0)


def restore(state: State) -> bool:
    """Take a state to what lies in the staging folder, if that is possible."""
    key = next(FOLDER.glob("*.safetensors")).name.split(".")[0]
    with Staging("train/" + FOLDER.name) as staging:
        return Checkpoints(staging, key=key).restore(state)


@pytest.mark.parametrize("received", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("owner", "name", "number", "batch"), [(torch.optim.Adam, "step", 8, 2), (fit_module, "_measure", 6, 3)]
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
    assert run_here("train") == 0
    said = capfd.readouterr().out
    assert f"{FOLDER}: going on in epoch 3, after batch {batch}" in said
    assert epochs_of(said) == list(range(3, EPOCHS + 1))
    assert made.published("train") == trained.published("train")


@pytest.mark.parametrize("received", ["SIGTERM", "SIGINT"])
def test_a_second_signal_ends_the_process_at_once(received: str) -> None:
    code = (
        "import os, signal\nfrom fmagc.training.interrupts import Interrupts\n"
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
    made: Small, trained: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    clear(made, "train")
    shutil.copytree(trained.root / FOLDER, FOLDER)  # as when DVC was killed while it looked at the outs
    assert run_here("train") == 0
    said = capfd.readouterr().out
    assert f"trained before, and nothing changed: reused; `rm -r {FOLDER}` to train anew" in said
    assert epochs_of(said) == []
    assert made.published("train") == trained.published("train")
    shutil.rmtree(FOLDER)
    assert run_here("train") == 0
    assert epochs_of(capfd.readouterr().out) == list(range(1, EPOCHS + 1))
    assert made.published("train") == trained.published("train")


def test_a_state_of_other_settings_is_not_used_and_goes(stopped: Small, capfd: pytest.CaptureFixture[str]) -> None:
    before = {path.name for path in FOLDER.iterdir()}
    stopped.change("train", lr=0.01, epochs=1)
    assert run_here("train") == 0
    said = capfd.readouterr().out
    assert "going on" not in said
    assert epochs_of(said) == [1]
    assert not before & {path.name for path in FOLDER.iterdir()}


def test_a_second_training_is_told_who_is_there(made: Small, capfd: pytest.CaptureFixture[str]) -> None:
    with Staging("train/" + FOLDER.name):
        assert run_here("train") == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line == f"error: {FOLDER}: process {os.getpid()} is already at this stage: " + (
        "wait for it, or end it, and run again"
    )


def test_no_flipped_bit_of_a_checkpoint_is_loaded(stopped: Small) -> None:
    latest = max(FOLDER.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    for path in set(FOLDER.iterdir()) - {latest, Path(f"{latest}.json")}:
        path.unlink()
    state = fresh()
    assert restore(state)
    expected = state.record()
    rng = random.Random(0)
    for path in (latest, Path(f"{latest}.json")):
        content, n_loaded = path.read_bytes(), 0
        for _ in range(FLIPS):
            put(path, flipped(content, rng))
            if restore(state):  # a space of JSON that becomes a tab is harmless
                n_loaded += 1
                assert state.record() == expected
        put(path, content)
        assert n_loaded <= (0 if path == latest else FLIPS / 4)


def test_a_damaged_checkpoint_costs_the_epoch_since_the_one_before(
    stopped: Small, trained: Small, capfd: pytest.CaptureFixture[str]
) -> None:
    latest = max(FOLDER.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    put(latest, flipped(latest.read_bytes(), random.Random(1)))
    assert run_here("train") == 0
    said = capfd.readouterr().out
    assert f"{latest}: damaged, or not written to its end: it is not used" in said
    assert f"{FOLDER}: going on in epoch 3, after batch 0" in said
    assert stopped.published("train") == trained.published("train")


def exchange(path: Path, data: bytes) -> None:
    """Put other bytes under the name of a piece, with a note that vouches for them."""
    note = Path(f"{path}.json")
    put(path, data)
    write_record(note, read_record(note, made_by="train") | {"digest": digest(data)})


class Gadget:
    """What a pickle does when it is read."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, ("owned",)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (lambda tensors: pickle.dumps(Gadget()), "expected safetensors, found something else"),
        (lambda tensors: pack(tensors)[:1000], "expected safetensors, found something else"),
        (lambda tensors: pack(dict(list(tensors.items())[1:])), "is missing: `rm -r"),
        (lambda tensors: pack(tensors | {"more": torch.zeros(1)}), "found that more is too many: `rm -r"),
        (
            lambda tensors: pack(tensors | {"adam.head.output.bias.exp_avg": torch.zeros(3)}),
            r"adam.head.output.bias.exp_avg is float32\[3\] in place of float32\[2\]",
        ),
        (
            lambda tensors: pack(tensors | {"model.head.output.bias": torch.zeros(2).double()}),
            r"model.head.output.bias is float64\[2\] in place of float32\[2\]",
        ),
    ],
    ids=["pickle", "cut", "missing", "extra", "shape", "type"],
)
def test_a_foreign_checkpoint_is_refused_with_one_line(
    stopped: Small, capfd: pytest.CaptureFixture[str], data: Callable[[dict[str, torch.Tensor]], bytes], fault: str
) -> None:
    state = fresh()
    for path in FOLDER.glob("*.safetensors"):
        exchange(path, data(state.tensors()))
    assert run_here("train") == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line.startswith(f"error: {FOLDER}/")
    assert re.search(fault, line), line
    assert f"`rm -r {FOLDER}` and run `dvc repro` to train from the start" in line
    assert not Path("owned").exists()


def test_the_checkpoint_of_another_architecture_is_refused(stopped: Small) -> None:
    with pytest.raises(DataError, match=r"model\.head\.0\.weight is missing.* and \d+ more: `rm -r"):
        restore(fresh("cnn2d"))


def test_no_flipped_bit_of_published_weights_is_loaded(
    trained: Small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.root / TRAINED, tmp_path / "0")
    card = load_trained(folder, made_by="train")[1]
    rng = random.Random(0)
    for name in (WEIGHTS, CARD):
        content, told = (folder / name).read_bytes(), []
        for _ in range(FLIPS):
            put(folder / name, flipped(content, rng))
            try:
                assert load_trained(folder, made_by="train")[1] == card
            except DataError as error:
                told.append(str(error))
        put(folder / name, content)
        assert len(told) == FLIPS if name == WEIGHTS else len(told) > FLIPS * 3 / 4
        assert all(str(folder / name) in line and "`dvc repro -f train" in line for line in told)


def test_weights_that_a_card_vouches_for_are_still_no_pickle(
    trained: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(trained.root / TRAINED, tmp_path / "0")
    card = read_record(folder / CARD, made_by="train")
    put(folder / WEIGHTS, pickle.dumps(Gadget()))
    write_record(folder / CARD, card | {"weights": digest((folder / WEIGHTS).read_bytes())})
    with pytest.raises(DataError, match="expected safetensors, found something else"):
        load_trained(folder, made_by="train")
    assert not Path("owned").exists()
    (folder / WEIGHTS).unlink()
    with pytest.raises(DataError, match=r"expected the weights of .*found none"):
        load_trained(folder, made_by="train")


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
        assert run_here("train") == 1
    (line,) = without_bars(capfd.readouterr().err)
    where = "a loss of nan and a gradient of norm nan in epoch 3, batch 2, tracks ["
    assert line.startswith(f"error: training: expected a finite loss and gradient, found {where}")
    assert run_here("train") == 0
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
    assert run_here("train") == 0
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
    assert run_here("train") == 0
    assert f"{FOLDER}: going on in epoch 4, after batch 0" in capfd.readouterr().out
    assert made.published("train") == trained.published("train")


@pytest.mark.parametrize("name", ["train", "val"])
def test_an_empty_set_is_refused(made: Small, capfd: pytest.CaptureFixture[str], name: str) -> None:
    path = Path("data/index/splits/official.csv")
    path.write_text(
        "".join(line for line in path.read_text().splitlines(keepends=True) if not line.endswith(f",{name}\n"))
    )
    assert run_here("train") == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line == f"error: set {name}: expected tracks in the split, found none: see metrics/split.json"
