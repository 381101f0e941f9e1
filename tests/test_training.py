"""Clips and the loop: two views of the same music, the same batches for the same seed, the best weights kept."""

import math
import os
import signal
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load
from torch import nn
from tqdm import tqdm

from fmagc.audio.mel import LogMel
from fmagc.errors import DataError
from fmagc.files import file_digest, write_bytes
from fmagc.models.registry import MODELS, build
from fmagc.params.learning import GaussianNoise, TimeStretch, Train
from fmagc.params.signal import Mel
from fmagc.staging import Staging, draft_path
from fmagc.store.cache import Cache
from fmagc.store.statistics import Normalisation
from fmagc.training import clips
from fmagc.training.augment import N_FFT, Noise, Plan
from fmagc.training.batch import Batch, Scaler, View
from fmagc.training.clips import ClipSource, ahead, fixed_batches, random_batches
from fmagc.training.fit import Data, fit, learning_rate
from fmagc.training.hardware import Hardware, prepare
from fmagc.training.interrupts import Interrupted
from fmagc.training.outputs import WEIGHTS
from fmagc.training.state import State
from fmagc.training.tensors import pack
from fmagc.training.train import _CODE, _as_many
from fmagc.training.weights import load_trained, publish_trained
from tests.caches import publish
from tests.dag import ROOT, closure

MEL = Mel(n_fft=512, hop_length=256, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
SR = 22050
FRAMES = 64
LENGTHS = [2**15, 2**15 + 300, 2**16, 2**16 + 5, 2**15 + 999, 2**15]
AUGMENT = [
    GaussianNoise(name="gaussian_noise", p=0.5, min_amplitude=0.001, max_amplitude=0.015),
    TimeStretch(name="time_stretch", p=0.5, min_rate=0.8, max_rate=1.25),
]
CPU = Hardware(torch.device("cpu"), "float32", "test")


def settings(**changes: object) -> Train:
    values = {"epochs": 5, "patience": 2, "batch_size": 4, "precision": "float32", "augment": AUGMENT}
    values |= {"lr": 0.01, "schedule": "constant", "label_smoothing": 0.0, "max_grad_norm": None}
    return Train.model_validate(values | changes)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipSource:
    """Six tracks of noise with one loud click each, in both caches; no normalisation."""
    rng = np.random.default_rng(0)
    log_mel = LogMel(SR, MEL)
    waves, mels, levels = [], [], []
    for number, length in enumerate(LENGTHS):
        y = (0.001 * rng.standard_normal(length)).astype(np.float32)
        y[(40 + number) * 256] = 1.0  # on frame 40 + number
        S_db, ref_db = log_mel(y)
        waves.append(np.rint(y * 32767).astype(np.int16))
        mels.append(S_db.astype(np.float16))
        levels.append(ref_db)
    params = {"mel": MEL.model_dump(), "audio": {"sample_rate": SR}}
    publish(tmp_path / "waves", waves, params=params, scale=[1 / 32767] * len(waves))
    publish(tmp_path / "mels", mels, params=params, ref_db=levels)
    monkeypatch.setattr(clips, "WAVES", tmp_path / "waves")
    monkeypatch.setattr(clips, "MELS", tmp_path / "mels")
    same = {"waveform": Normalisation([0.0], [1.0], []), "mel": Normalisation([0.0] * 16, [1.0] * 16, [])}
    return ClipSource(same, clip_samples=FRAMES * 256, mel=MEL)


def tracks(source: ClipSource) -> pd.DataFrame:
    split = pd.DataFrame({"track_id": range(6), "genre": ["Folk", "Rock"] * 3, "set": "train"})
    return source.tracks(split, genres=["Folk", "Rock"])


def test_both_views_are_the_same_music(source: ClipSource) -> None:
    rows = tracks(source).assign(start=list(range(0, 30, 5)))
    batch = next(fixed_batches(source, rows, batch_size=6))
    views = batch.on(CPU.device)
    assert views["waveform"].shape == (6, FRAMES * 256)
    assert views["mel"].shape == (6, FRAMES, 16)
    click = views["waveform"].abs().argmax(dim=1)
    frame = views["mel"].mean(dim=2).argmax(dim=1)
    expected = [40 + number - start for number, start in zip(range(6), rows["start"], strict=True)]
    assert (click // 256).tolist() == frame.tolist() == expected
    assert batch.target.tolist() == [0, 1] * 3


@pytest.mark.parametrize("augmented", [(), (1, 4), range(6)], ids=["none", "some", "all"])
def test_clips_are_the_rows_of_the_cache_normalised(tmp_path: Path, source: ClipSource, augmented: list[int]) -> None:
    z_scores = {"waveform": Normalisation([0.01], [0.3], []), "mel": Normalisation([-40.0] * 16, [15.0] * 16, [])}
    waves = Cache(tmp_path / "waves", "waves", facts=["scale"], made_by="decode")
    mels = Cache(tmp_path / "mels", "mels", facts=["ref_db"], made_by="mel")
    ids, starts = [3, 0, 3, 5, 1, 2], [7, 0, 31, 2, 40, 9]
    noise = Noise(amplitude=0.01, seed=1)
    plans = [Plan(frames=FRAMES, operations=(noise,) if n in augmented else ()) for n in range(6)]
    scaled = ClipSource(z_scores, clip_samples=FRAMES * 256, mel=MEL)
    batch = scaled.batch(ids, np.zeros(6, dtype=np.int64), starts, plans)
    stored = {"waveform": torch.int16, "mel": torch.float16}
    assert {name: view.values.dtype for name, view in batch.views.items()} == (
        dict.fromkeys(stored, torch.float32) if augmented else stored
    )
    views = batch.on(CPU.device)
    for n, (track, start, plan) in enumerate(zip(ids, starts, plans, strict=True)):
        y = waves[track].values[start * 256 : (start + FRAMES) * 256] * np.float32(waves[track].facts["scale"])
        expected = (plan.waveform(y).astype(np.float64) - 0.01) / 0.3
        np.testing.assert_allclose(views["waveform"][n], expected, rtol=1e-6, atol=1e-7)
        S_db = mels[track].values[start : start + FRAMES].astype(np.float32)
        expected = (
            plan.mel(S_db, ref_db=mels[track].facts["ref_db"], noise=scaled._noise).astype(np.float64) + 40
        ) / 15
        np.testing.assert_allclose(views["mel"][n], expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(views["mel"], batch.on(CPU.device)["mel"])  # normalising leaves the batch as it was


def test_stretched_views_stay_together(source: ClipSource) -> None:
    stretch = settings(augment=[TimeStretch(name="time_stretch", p=1.0, min_rate=0.8, max_rate=1.25)])
    for epoch in range(4):
        for batch in random_batches(source, tracks(source), settings=stretch, seed=0, epoch=epoch):
            views = batch.on(CPU.device)
            for y, S_db in zip(views["waveform"], views["mel"], strict=True):
                if y.abs().max() > 0.1:  # the click is in the window
                    apart = abs(int(y.abs().argmax()) - 256 * int(S_db.mean(dim=1).argmax()))
                    assert apart <= N_FFT // 2  # the vocoder softens an attack within one of its frames


def test_an_epoch_gives_every_track_once_in_batches_alike(source: ClipSource) -> None:
    for batch_size in (2, 4, 5):
        batches = list(
            random_batches(source, tracks(source), settings=settings(batch_size=batch_size), seed=3, epoch=1)
        )
        assert sorted(track for batch in batches for track in batch.track_ids) == list(range(6))
        sizes = [len(batch.target) for batch in batches]
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1


def test_batches_follow_from_seed_and_epoch(source: ClipSource) -> None:
    def mels(seed: int, epoch: int) -> torch.Tensor:
        batches = random_batches(source, tracks(source), settings=settings(), seed=seed, epoch=epoch)
        return torch.cat([batch.on(CPU.device)["mel"] for batch in batches])

    assert torch.equal(mels(0, 1), mels(0, 1))
    assert not torch.equal(mels(0, 1), mels(0, 2))
    assert not torch.equal(mels(0, 1), mels(1, 1))


def test_a_band_without_spread_stays_silent_under_noise(source: ClipSource) -> None:
    flat = {"mel": Normalisation([-40.0] * 16, [2.0] * 15 + [1.0], [15])}
    loud = settings(augment=[GaussianNoise(name="gaussian_noise", p=1.0, min_amplitude=0.1, max_amplitude=0.1)])
    source = ClipSource(flat, clip_samples=FRAMES * 256, mel=MEL)
    views = next(random_batches(source, tracks(source), settings=loud, seed=0, epoch=0)).on(CPU.device)
    assert set(views) == {"mel"}
    assert torch.equal(views["mel"][..., 15], torch.zeros(views["mel"].shape[:2]))
    assert views["mel"][..., :15].std() > 0


def test_a_genre_that_cleaning_emptied_is_refused(source: ClipSource) -> None:
    split = pd.DataFrame({"track_id": [0, 99], "genre": ["Folk", "Rock"], "set": "val"})
    with pytest.raises(DataError, match="set val: expected tracks of every genre in the cache, found none of Rock"):
        source.tracks(split, genres=["Folk", "Rock"])


class Toy(nn.Module):
    """One weight a class, on a constant input."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(1, 2, bias=False)

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.scores(views["x"])


def toy_batches(label: int, *, value: float = 1.0) -> Iterator[Batch]:
    x = View(torch.full((4, 1), value), Scaler(torch.ones(1), torch.zeros(1)))
    yield Batch({"x": x}, torch.full((4,), label), [10, 11, 12, 13])


def fit_toy(
    model: nn.Module,
    *,
    judged: int,
    value: float = 1.0,
    keep: Callable[[State], None] = lambda state: None,
    n_batches: int = 1,
    goes_on: State | None = None,
    **changes: object,
) -> State:
    chosen = settings(**changes)
    state = goes_on or State(model, lr=chosen.lr, weight_decay=0.0)
    data = Data(
        training=lambda epoch, skip: chain(*(toy_batches(0, value=value) for _ in range(n_batches - skip))),
        measured=lambda: toy_batches(0),
        validation=lambda: toy_batches(judged),
    )
    fit(state, data, settings=chosen, hardware=CPU, keep=keep, progress=tqdm(disable=True))
    return state


def test_the_history_and_the_best_weights_are_kept() -> None:
    kept = []
    fitted = fit_toy(Toy(), judged=0, epochs=4, keep=lambda state: kept.append(state.epoch))
    assert [(row["epoch"], row["split"]) for row in fitted.history] == [
        (epoch, split) for epoch in range(1, 5) for split in ("train", "val")
    ]
    assert fitted.best_epoch == 4
    assert fitted.history[-1]["loss"] < fitted.history[1]["loss"]
    assert set(fitted.history[0]) == {"epoch", "split", "loss", "accuracy", "precision", "recall", "f1"}
    assert kept == [2, 3, 4, 5]  # the epoch that comes next


class Wavering(Toy):
    """A toy with dropout, which is another function while it is trained."""

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return nn.functional.dropout(super().forward(views), 0.5, training=self.training)


def test_both_curves_are_measured_alike() -> None:
    fitted = fit_toy(Wavering(), judged=0, label_smoothing=0.3)  # the measured tracks are the validation tracks here
    for trained, judged in zip(fitted.history[::2], fitted.history[1::2], strict=True):
        assert trained | {"split": "val"} == judged


def test_training_stops_when_validation_gets_worse_and_goes_back() -> None:
    model = Toy()
    fitted = fit_toy(model, judged=1, epochs=50, patience=3)  # what helps training hurts validation
    assert fitted.best_epoch == 1
    assert len(fitted.history) == 2 * (1 + 3)
    losses = [row["loss"] for row in fitted.history if row["split"] == "val"]
    model.load_state_dict(fitted.best)
    logits = model({"x": torch.ones(1, 1)})
    assert nn.functional.cross_entropy(logits, torch.tensor([1])).item() == pytest.approx(min(losses))


def test_a_loss_that_is_not_finite_stops_before_the_step() -> None:
    model = Toy()
    before = model.scores.weight.detach().clone()
    with pytest.raises(DataError, match=r"a loss of nan .* in epoch 1, batch 1, tracks \[10, 11, 12, 13\]"):
        fit_toy(model, judged=0, value=float("nan"))
    assert torch.equal(model.scores.weight, before)


def test_a_gradient_that_is_not_finite_stops_before_the_step() -> None:
    class Steep(Toy):
        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().forward(views) + (self.scores.weight * 0).sqrt().sum()  # 0, of infinite slope

    model = Steep()
    before = model.scores.weight.detach().clone()
    with pytest.raises(
        DataError, match=r"a loss of \d\.\d+ and a gradient of norm nan in epoch 1, batch 1, tracks \[10"
    ):
        fit_toy(model, judged=0)
    assert torch.equal(model.scores.weight, before)


def test_a_validation_loss_that_is_not_a_number_is_never_the_best() -> None:
    class Failing(Toy):
        judged = 0

        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            self.judged += not self.training
            return super().forward(views) * (float("nan") if not self.training and self.judged > 4 else 1)

    fitted = fit_toy(Failing(), judged=0, epochs=50, patience=3, lr=1e-4)
    assert fitted.best_epoch == 2
    assert fitted.epoch - 1 == 2 + 3
    assert math.isnan(fitted.history[-1]["loss"])


def test_what_a_limit_of_the_gradient_leaves_of_a_step() -> None:
    steps = {}
    for limit in (None, 1e3, 1e-9):  # so far below Adam's epsilon of 1e-8 that the step shrinks with it
        torch.manual_seed(0)
        model = Toy()
        before = model.scores.weight.detach().clone()
        fit_toy(model, judged=0, epochs=1, max_grad_norm=limit)
        steps[limit] = (model.scores.weight.detach() - before).norm().item()
    assert steps[1e3] == steps[None]
    assert steps[1e-9] < 0.2 * steps[None]


def test_smoothed_labels_hold_the_scores_together() -> None:
    apart = []
    for smoothing in (0.0, 0.4):
        torch.manual_seed(0)
        model = Toy()
        fit_toy(model, judged=0, epochs=300, lr=0.1, patience=300, label_smoothing=smoothing)
        apart.append((model.scores.weight[0] - model.scores.weight[1]).item())
    assert apart[1] == pytest.approx(math.log(0.8 / 0.2), abs=0.05)  # what a target of 0.8 to 0.2 asks for
    assert apart[0] > apart[1] + 1


def test_the_learning_rate_follows_from_the_epoch() -> None:
    cosine = settings(schedule="cosine", epochs=8)
    rates = [learning_rate(cosine, epoch) for epoch in range(1, 9)]
    assert rates[0] == cosine.lr
    assert rates[4] == pytest.approx(cosine.lr / 2)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0
    assert {learning_rate(settings(epochs=8), epoch) for epoch in range(1, 9)} == {0.01}
    fitted = fit_toy(Toy(), judged=0, schedule="cosine", epochs=4)
    assert fitted.optimiser.param_groups[0]["lr"] == learning_rate(settings(schedule="cosine", epochs=4), 4)


@pytest.mark.parametrize("stop", range(1, 13))
def test_a_state_goes_on_from_any_batch(stop: int) -> None:
    def wavering() -> Wavering:
        torch.manual_seed(0)
        return Wavering()

    whole = {"judged": 1, "n_batches": 3, "epochs": 4, "patience": 4, "schedule": "cosine"}
    undisturbed = fit_toy(wavering(), **whole)
    kept = []

    def keep(state: State) -> None:
        kept.append(({name: value.clone() for name, value in state.tensors().items()}, state.record()))

    class Stopped(Wavering):
        steps = 0

        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            self.steps += self.training
            if self.training and self.steps == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().forward(views)

    torch.manual_seed(0)
    with pytest.raises(Interrupted, match=f"in epoch {(stop + 2) // 3}, after batch {(stop - 1) % 3 + 1}"):
        fit_toy(Stopped(), keep=keep, **whole)
    torch.manual_seed(9)
    goes_on = State(Wavering(), lr=0.01, weight_decay=0.0)
    goes_on.restore(*kept[-1])
    fit_toy(goes_on.model, goes_on=goes_on, **whole)
    assert goes_on.history == undisturbed.history
    assert goes_on.best_epoch == undisturbed.best_epoch
    assert all(torch.equal(value, undisturbed.tensors()[name]) for name, value in goes_on.tensors().items())


def test_a_restored_tensor_keeps_its_layout() -> None:
    def images() -> State:
        model = nn.Conv2d(3, 4, 3)
        CPU.place(model)
        return State(model, lr=0.01, weight_decay=0.0)

    state, other = images(), images()
    state.restore(load(pack(other.tensors())), other.record())
    assert torch.equal(state.model.weight, other.model.weight)
    for name, value in state.tensors().items():
        assert value.stride() == other.tensors()[name].stride(), name
    assert not state.model.weight.is_contiguous()


def test_a_resumed_epoch_reads_none_of_the_batches_that_are_done(
    source: ClipSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    def epoch(skip: int) -> list[tuple[list[int], torch.Tensor]]:
        batches = random_batches(source, tracks(source), settings=settings(batch_size=2), seed=0, epoch=1, skip=skip)
        return [(batch.track_ids, batch.on(CPU.device)["mel"]) for batch in batches]

    whole = epoch(0)
    read = []
    batch = ClipSource.batch
    monkeypatch.setattr(ClipSource, "batch", lambda *given: (read.append(given[1]), batch(*given))[1])
    rest = epoch(2)
    assert len(rest) == len(read) == len(whole) - 2
    assert rest[0][0] == whole[2][0]
    assert torch.equal(rest[0][1], whole[2][1])


def test_the_training_curve_is_taken_on_as_many_tracks_of_a_genre_as_validation_has() -> None:
    genres = ["Folk", "Rock"]
    training = pd.DataFrame({"track_id": range(50), "genre": ["Folk"] * 48 + ["Rock"] * 2})
    validation = pd.DataFrame({"track_id": range(50, 58), "genre": ["Folk"] * 5 + ["Rock"] * 3})
    chosen = _as_many(training, validation, genres)
    assert chosen["genre"].value_counts().to_dict() == {"Folk": 5, "Rock": 2}
    assert chosen["track_id"].tolist() == [0, 12, 24, 35, 47, 48, 49]


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one_clip_trains(name: str) -> None:
    model = build(name, n_classes=3, dropout=0.3, clip_samples=2**14, hop_length=1024, n_mels=128)  # the shortest clip
    views = {"waveform": torch.randn(1, 2**14), "mel": torch.randn(1, 16, 128)}
    nn.functional.cross_entropy(model.train()(views), torch.tensor([1])).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "float32"),
        ({"avx512_f": True}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
    ],
)
def test_precision_is_the_machine_s_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert prepare("auto", threads=1, seed=0).precision == precision
    assert prepare("bfloat16", threads=1, seed=0).precision == "bfloat16"


def test_batches_prepared_ahead_are_the_same_batches(source: ClipSource) -> None:
    def mels(batches: Iterator[Batch]) -> list[torch.Tensor]:
        return [batch.on(CPU.device)["mel"] for batch in batches]

    def epoch() -> Iterator[Batch]:
        return random_batches(source, tracks(source), settings=settings(), seed=0, epoch=1)

    plain, prepared = mels(epoch()), mels(ahead(epoch()))
    assert len(plain) == len(prepared)
    assert all(torch.equal(one, other) for one, other in zip(plain, prepared, strict=True))


def test_a_fault_in_a_batch_prepared_ahead_is_raised() -> None:
    def broken() -> Iterator[Batch]:
        yield from toy_batches(0)
        raise DataError("track 7")

    with pytest.raises(DataError, match="track 7"):
        list(ahead(broken()))


def test_a_source_of_waveforms_alone_counts_in_frames(source: ClipSource) -> None:
    alone = ClipSource({"waveform": Normalisation([0.0], [2.0], [])}, clip_samples=FRAMES * 256, mel=MEL)
    assert tracks(alone)["n_frames"].tolist() == tracks(source)["n_frames"].tolist()
    starts = tracks(source).assign(start=range(6))
    one, both = (next(fixed_batches(each, starts, batch_size=6)).on(CPU.device) for each in (alone, source))
    assert set(one) == {"waveform"}
    assert torch.equal(one["waveform"] * 2, both["waveform"])


def test_training_without_a_finite_validation_loss_is_an_error() -> None:
    class Broken(Toy):
        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().forward(views) if self.training else super().forward(views) * float("nan")

    with pytest.raises(DataError, match="expected a finite validation loss"):
        fit_toy(Broken(), judged=0, epochs=2)


def test_a_trained_model_comes_back_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    architecture = {
        "name": "crnn",
        "n_classes": 3,
        "dropout": 0.1,
        "clip_samples": 2**16,
        "hop_length": 1024,
        "n_mels": 128,
    }
    model = build(**architecture)

    def publish(n_classes: int) -> None:
        with Staging("train", root=tmp_path / "staging") as staging:
            write_bytes(draft_path(staging.folder, WEIGHTS), pack(model.state_dict()))
            weights = staging.keep(WEIGHTS, "key", {})
            card = {"architecture": architecture | {"n_classes": n_classes}, "best_epoch": 2}
            publish_trained(tmp_path / "0", weights, card, staging=staging)

    publish(n_classes=3)
    loaded, card = load_trained(tmp_path / "0", made_by="train")
    assert card == {"architecture": architecture, "best_epoch": 2, "weights": file_digest(tmp_path / "0" / WEIGHTS)}
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    assert not loaded.training
    publish(n_classes=4)
    with pytest.raises(
        DataError, match=r"output.weight is float32\[3, 128\] in place of float32\[4, 128\].*repro -f train"
    ):
        load_trained(tmp_path / "0", made_by="train")


def test_trainings_are_keyed_by_all_the_code_that_decides_their_bytes() -> None:
    rooms = tuple(f"fmagc/{room}/" for room in ("audio", "models", "store", "training"))
    imported = {path for path in closure(ROOT / "fmagc/training/train.py") if path.startswith(rooms)}
    named = {module.replace(".", "/") + ".py" for module in _CODE}
    assert named == imported - {"fmagc/training/outputs.py"}
