"""Cards and weights that nobody's training wrote: every value of a card replaced, digests made anew."""

import copy
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmagc.errors import DataError
from fmagc.inference.predictor import Predictor
from fmagc.models.build import build
from fmagc.models.card import Card
from fmagc.models.pretrained import load_trained
from fmagc.models.registry import MODELS
from fmagc.models.safetensors_io import pack, unpack
from fmagc.params.signal import Mel
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.files import digest, read_record, write_record
from tests.support.trained_model import write_model

MEL = Mel(n_fft=4096, hop_length=1024, n_mels=16, fmin=0.0, fmax=20_000.0, top_db=80.0)
SHAPE = {"genres": ["Folk", "Jazz", "Rock"], "clip_samples": 2**16, "sample_rate": 44_100, "mel": MEL}
SONG = np.sin(np.arange(80_000) / 20).astype(np.float32)
LIMIT_S = 20.0  # for one card, on however busy a machine

Place = tuple[str | int, ...]
MISSING = object()

# a value of any type takes the place of every value; what a training could have written all the same is harmless
VALUES: dict[str, Any] = {
    "missing": MISSING,
    "null": None,
    "text": "text",
    "no text": "",
    "number": 1.5,
    "true": True,
    "zero": 0,
    "negative": -1,
    "negative fraction": -0.5,
    "huge": 10**18,
    "huge fraction": 1e300,
    "beyond any number": 10**400,
    "tiny": 1e-300,
    "empty list": [],
    "empty block": {},
    "list of lists": [[1.0]],
    "surrogate": "\ud800",
    "line break": "Rock\nPop",
}


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    """Name every value of a card: blocks and lists, and what is in them (of a long list its first two entries)."""
    if place:
        yield place
    entries = value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    for key, entry in entries:
        yield from leaves(entry, (*place, key))


def changed(card: dict[str, Any], place: Place, change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a copy of a card in which one value is another, or is missing."""
    copied = copy.deepcopy(card)
    owner = copied
    for key in place[:-1]:
        owner = owner[key]
    value = change(owner[place[-1]])
    if value is MISSING:
        del owner[place[-1]]
    else:
        owner[place[-1]] = value
    return copied


def tampered(card: dict[str, Any]) -> Iterator[tuple[str, Place, dict[str, Any]]]:
    """Make every card of the table, with a description and the place of the change."""
    for place in leaves(card):
        for name, value in VALUES.items():
            yield name, place, changed(card, place, lambda _, value=value: value)
        found = card
        for key in place:
            found = found[key]
        if isinstance(found, list):
            yield "one entry fewer", place, changed(card, place, lambda entries: entries[:-1])
            yield "one entry twice", place, changed(card, place, lambda entries: [*entries, *entries[:1]])
        if isinstance(found, dict):
            yield "one key more", place, changed(card, place, lambda block: block | {"more": 1})


@pytest.fixture(params=["cnn1d", "mmcrnn"])
def model(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network of one view, and one of both; what is written need not reach the disk."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return write_model(tmp_path / "model", request.param, **SHAPE)


OF_VIEWS = {"architecture", "normalisation"}  # where the card of both views has values that no other has

# what readers alone look at, or where any value of the type is one that a training may have had
FREE = {
    ("seed",),
    ("parameters",),
    ("architecture", "dropout"),
    ("genres", 0),
    ("genres", 1),
    ("waveform", "max_seconds"),
    ("mel", "fmin"),
    ("mel", "fmax"),
    ("mel", "top_db"),
    ("corpus", "name"),
    ("corpus", "layout"),
    ("caches",),
    ("caches", "data/waves"),
    *(("hardware", name) for name in ("device", "processes", "precision_reason", "layout")),
    *(("train", name) for name in ("epochs", "patience", "batch_size", "lr", "max_grad_norm", "augment")),
    *(("train", name) for name in ("dropout", "weight_decay", "patch_samples", "patches_per_track")),
    *(("train", name) for name in ("warmup_epochs", "label_smoothing")),
    *(("validation", name) for name in ("loss", "accuracy", "precision", "recall", "f1", "average_precision")),
    *(("normalisation", view, "mean_", place) for view in ("waveform", "mel") for place in (0, 1)),
    *(("normalisation", view, "scale_", place) for view in ("waveform", "mel") for place in (0, 1)),
    *(("normalisation", view, "without_spread") for view in ("waveform", "mel")),
}


def fault_of(model: Path) -> str | None:
    """Predict with a model folder; return the message by which it is refused, None when it is not."""
    try:
        predictor = Predictor(model, n_clips=1)
    except DataError as error:
        return str(error)
    prediction = predictor.predict(SONG)
    assert np.isfinite(prediction.probabilities).all()
    assert repr(prediction).isprintable()
    return None


def test_every_value_of_a_card_is_refused_in_one_line_or_is_harmless(model: Path) -> None:
    sound = read_record(model / CARD, stage="train")
    assert fault_of(model) is None
    n_cards, accepted = 0, set()
    both_views = len(sound["normalisation"]) == 2
    for name, place, card in tampered(sound):
        if both_views and place[0] not in OF_VIEWS:
            continue
        try:
            write_record(model / CARD, card)
        except UnicodeEncodeError:  # no file can hold it
            continue
        n_cards += 1
        began = time.monotonic()
        fault = fault_of(model)
        assert time.monotonic() - began < LIMIT_S, (name, place)
        if fault is None:
            accepted.add(place)
        else:
            assert fault.startswith(f"{model}/"), (name, place)
            assert fault.count("\n") == 0, (name, place)
            assert len(fault) < 8_000, (name, place)
    assert n_cards > (300 if both_views else 900)
    assert accepted <= FREE


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_no_number_of_a_card_is_infinite(tmp_path: Path, text: str) -> None:
    model = write_model(tmp_path / "model", "crnn", **SHAPE)
    content = (model / CARD).read_text(encoding="utf-8")
    for line in [line for line in content.splitlines() if ": " in line or line.strip().rstrip(",").isdigit()]:
        key, _, value = line.rpartition(": ")
        if not value.rstrip(",").replace(".", "").isdigit():
            continue
        comma = "," if line.endswith(",") else ""
        (model / CARD).write_text(content.replace(line, f"{key}: {text}{comma}", 1), encoding="utf-8")
        with pytest.raises(DataError, match="expected JSON, found a fault"):
            load_trained(model, stage="train")


def test_a_key_of_a_card_stands_once(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", "cnn2d", **SHAPE)
    content = (model / CARD).read_text(encoding="utf-8")
    (model / CARD).write_text(content.replace('"seed": 0,', '"seed": 0, "seed": 0,'), encoding="utf-8")
    with pytest.raises(DataError, match="a key twice"):
        load_trained(model, stage="train")


@pytest.mark.parametrize(
    ("place", "value", "fault"),
    [
        (("mel", "fmin"), 1e9, "mel.fmin below the upper limit"),
        (("mel", "fmax"), 30_000.0, r"mel.fmax of at most half of the sample rate \(22050 Hz\)"),
        (("genres",), ["Folk", "Folk", "Rock"], "each genre once"),
        (("genres",), ["Folk", "Rock"], r"architecture.n_classes \(3\) genres"),
        (("normalisation", "mel", "mean_"), [-30.0], "16 values in mean_ of mel"),
        (("normalisation", "mel", "scale_", 3), 0.0, "normalisation.mel.scale_.3: expected"),
        (("normalisation", "mel", "scale_", 3), 0.001, "scale_ of mel from 0.0625 upwards"),
        (("normalisation", "mel", "without_spread"), [99], "each of some columns of mel once"),
        (("waveform", "max_seconds"), 1e9, "waveform.max_seconds: expected"),
        (("architecture", "name"), "unet", f"architecture.name: expected one of {', '.join(MODELS)}"),
        (("architecture", "clip_samples"), 2**16 + 1, "clip_samples as a multiple of hop_length"),
        (("best_epoch",), 7, r"best_epoch within train.epochs \(3\)"),
    ],
)
def test_a_card_that_contradicts_itself_is_refused_with_what_it_lacks(
    tmp_path: Path, place: Place, value: object, fault: str
) -> None:
    model = write_model(tmp_path / "model", "crnn", **SHAPE)
    card = read_record(model / CARD, stage="train")
    write_record(model / CARD, changed(card, place, lambda _: value))
    with pytest.raises(DataError, match=f"expected the card of a model of this version, found .*{fault}"):
        load_trained(model, stage="train")


@pytest.mark.parametrize("name", [CARD, WEIGHTS])
def test_a_file_of_fifty_gigabytes_is_refused_unread(tmp_path: Path, name: str) -> None:
    model = write_model(tmp_path / "model", "crnn", **SHAPE)
    os.truncate(model / name, 50 * 10**9)
    began = time.monotonic()
    with pytest.raises(DataError, match=rf"{name}: expected .* found 50000000000"):
        load_trained(model, stage="train")
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused_by_name(tmp_path: Path, number: float) -> None:
    model = write_model(tmp_path / "model", "crnn", **SHAPE)
    card = read_record(model / CARD, stage="train")
    network = build(**card["architecture"])
    tensors = unpack((model / WEIGHTS).read_bytes(), like=network.state_dict(), path=model, remedy="")
    tensors["head.output.bias"][1] = number
    data = pack(tensors)
    (model / WEIGHTS).write_bytes(data)
    write_record(model / CARD, card | {"weights": digest(data)})
    with pytest.raises(DataError, match=r"expected finite weights, found others in head.output.bias"):
        load_trained(model, stage="train")


def test_a_card_is_written_as_it_is_read(tmp_path: Path) -> None:
    model = write_model(tmp_path / "model", "mmcrnn", **SHAPE)
    card = read_record(model / CARD, stage="train")
    assert json.dumps(Card.model_validate(card).model_dump()) == json.dumps(card)
