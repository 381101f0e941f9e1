"""Checkpoints and weights that are damaged, foreign or hostile: never loaded, one line of error."""

import os
import pickle
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fmagc.errors import DataError
from fmagc.models.build import build
from fmagc.models.pretrained import load_trained
from fmagc.models.safetensors_io import pack
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import digest, read_record, write_record
from fmagc.training.checkpoints import Checkpoints
from fmagc.training.state import State
from tests.support.damage import flipped, put
from tests.support.small_project import TRAINED, Small, without_bars
from tests.support.train_run import FOLDER, train

FLIPS = 200
SHAPE = {"n_classes": 2, "dropout": 0.3, "clip_samples": 2**15, "hop_length": 512, "n_mels": 32}


def fresh(name: str = "crnn") -> State:
    """Make a state that no training has seen."""
    return State(build(name, **SHAPE), weight_decay=0.0)


def restore(state: State) -> bool:
    """Take a state to what lies in the staging folder, if that is possible."""
    key = next(FOLDER.glob("*.safetensors")).name.split(".")[0]
    with ArtifactStore("train/" + FOLDER.name) as store:
        return Checkpoints(store, key=key).restore(state)


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
    stopped: Small, trained: Small, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = max(FOLDER.glob("*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    put(latest, flipped(latest.read_bytes(), random.Random(1)))
    assert train(monkeypatch) == 0
    said = capfd.readouterr().out
    assert f"{latest}: damaged, or not written to its end: it is not used" in said
    assert f"{FOLDER}: going on in epoch 3, after batch 0" in said
    assert stopped.published("train") == trained.published("train")


def exchange(path: Path, data: bytes) -> None:
    """Put other bytes under the name of an artifact, with metadata that agree with them."""
    metadata = Path(f"{path}.json")
    put(path, data)
    write_record(metadata, read_record(metadata, stage="train") | {"digest": digest(data)})


class Gadget:
    """Run by a pickle when it is read."""

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
    stopped: Small,
    capfd: pytest.CaptureFixture[str],
    data: Callable[[dict[str, torch.Tensor]], bytes],
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = fresh()
    for path in FOLDER.glob("*.safetensors"):
        exchange(path, data(state.tensors()))
    assert train(monkeypatch) == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line.startswith(f"error: {FOLDER}/")
    assert re.search(fault, line), line
    assert f"`rm -r {FOLDER}` and run `dvc repro` to train from the start" in line
    assert not Path("owned").exists()


@pytest.mark.parametrize(
    "forge",
    [
        lambda record: record.pop("epoch"),
        lambda record: record.update(epoch="two"),
        lambda record: record.update(batch=-1),
        lambda record: record["history"].pop(),
        lambda record: record["history"][0].pop("split"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused_with_one_line(
    stopped: Small, forge: Callable[[dict[str, Any]], object]
) -> None:
    for metadata in FOLDER.glob("*.safetensors.json"):
        made = read_record(metadata, stage="train")
        forge(made["record"])
        write_record(metadata, made)
    with pytest.raises(DataError, match=rf"{FOLDER}.*expected the record of a training.*rm -r"):
        restore(fresh())


def test_the_checkpoint_of_another_architecture_is_refused(stopped: Small) -> None:
    with pytest.raises(DataError, match=r"model\.head\.0\.weight is missing.* and \d+ more: `rm -r"):
        restore(fresh("cnn2d"))


def test_no_flipped_bit_of_published_weights_is_loaded(
    trained: Small, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = shutil.copytree(trained.root / TRAINED, tmp_path / "0")
    card = load_trained(folder, stage="train")[1]
    rng = random.Random(0)
    for name in (WEIGHTS, CARD):
        content, errors = (folder / name).read_bytes(), []
        for _ in range(FLIPS):
            put(folder / name, flipped(content, rng))
            try:
                assert load_trained(folder, stage="train")[1] == card
            except DataError as error:
                errors.append(str(error))
        put(folder / name, content)
        assert len(errors) == FLIPS if name == WEIGHTS else len(errors) > FLIPS * 3 / 4
        assert all(str(folder / name) in line and "`dvc repro -f train" in line for line in errors)


def test_weights_that_agree_with_their_card_are_still_no_pickle(
    trained: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = shutil.copytree(trained.root / TRAINED, tmp_path / "0")
    card = read_record(folder / CARD, stage="train")
    put(folder / WEIGHTS, pickle.dumps(Gadget()))
    write_record(folder / CARD, card | {"weights": digest((folder / WEIGHTS).read_bytes())})
    with pytest.raises(DataError, match="expected safetensors, found something else"):
        load_trained(folder, stage="train")
    assert not Path("owned").exists()
    (folder / WEIGHTS).unlink()
    with pytest.raises(DataError, match=r"expected the weights of .*found none"):
        load_trained(folder, stage="train")
