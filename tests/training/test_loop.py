"""The loop: the best weights kept, both curves measured alike, nothing stepped that is no number, resumed anywhere."""

import math
import os
import signal
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import repeat
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load
from torch import nn
from tqdm import tqdm

from fmagc.dataset.batch import Batch, Scaler, View
from fmagc.dataset.clips import prefetch
from fmagc.errors import DataError
from fmagc.models.build import build
from fmagc.models.pretrained import load_trained, publish_trained
from fmagc.models.registry import MODELS
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.params.training import Train
from fmagc.paths import WEIGHTS
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.code_snapshot import CodeSnapshot
from fmagc.runtime.files import file_digest, temp_path, write_bytes
from fmagc.training.augment_batch import BatchAugment
from fmagc.training.data import matching_tracks
from fmagc.training.loop import Batches, Trainer
from fmagc.training.loss import Criterion
from fmagc.training.signals import Interrupted
from fmagc.training.state import State
from fmagc.training.train import train_model
from tests.support.hardware import CPU
from tests.support.recipe import MODERN, recipe
from tests.support.trained_model import card_of


class Toy(nn.Module):
    """One weight a class, on a constant input."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(1, 2, bias=False)

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.scores(views["x"])


def toy_batches(label: int, *, value: float = 1.0) -> Iterator[Batch]:
    yield toy_batch([value] * 4, [label] * 4)


def toy_batch(values: list[float], labels: list[int]) -> Batch:
    x = View(torch.tensor(values)[:, None], Scaler(torch.ones(1), torch.zeros(1)))
    return Batch({"x": x}, torch.tensor(labels), [10, 11, 12, 13])


def fit_toy(
    model: nn.Module,
    *,
    validated: int,
    value: float = 1.0,
    save: Callable[[State], None] = lambda state: None,
    n_batches: int = 1,
    resumed: State | None = None,
    batch: Batch | None = None,
    **changes: object,
) -> State:
    chosen = recipe(**changes)
    state = resumed or State(model, chosen, weight_decay=0.0)
    batches = Batches(
        per_epoch=n_batches,
        training=lambda epoch, skip: repeat(batch or next(toy_batches(0, value=value)), n_batches - skip),
        train_eval=lambda: toy_batches(0),
        validation=lambda: toy_batches(validated),
    )
    trainer_of(state, chosen).fit(batches, save=save, progress=tqdm(disable=True))
    return state


def trainer_of(state: State, chosen: Train) -> Trainer:
    criterion = Criterion(chosen.class_balance, [0, 1], n_classes=2, device=CPU.device)
    augment = BatchAugment(chosen.augment_batch, n_classes=2, seed=0, hardware=CPU)
    return Trainer(state, criterion=criterion, settings=chosen, augment=augment, hardware=CPU)


def test_the_history_and_the_best_weights_are_kept() -> None:
    kept = []
    fitted = fit_toy(Toy(), validated=0, epochs=4, save=lambda state: kept.append(state.epoch))
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
    fitted = fit_toy(Wavering(), validated=0)  # the measured tracks are the validation tracks here
    for training, validation in zip(fitted.history[::2], fitted.history[1::2], strict=True):
        assert training | {"split": "val"} == validation


def test_patches_of_a_track_are_measured_together() -> None:
    class Sure(Toy):
        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            return torch.cat([-views["x"], views["x"]], dim=1)

    def patches(*values: float) -> Iterator[Batch]:  # of track 10, of class 1, in two batches
        for own in (values[:2], values[2:]):
            x = View(torch.tensor(own)[:, None], Scaler(torch.ones(1), torch.zeros(1)))
            yield Batch({"x": x}, torch.ones(len(own), dtype=torch.int64), [10] * len(own))

    trainer, counted = trainer_of(State(Sure(), recipe(), weight_decay=0.0), recipe()), []
    for values, accuracy in (
        ((-0.5, -0.5, 3.0), 1.0),
        ((-0.5, -0.5, 0.9), 0.0),
    ):  # p of class 1: .27, .27 and .998 or .86
        row = trainer.measure(patches(*values), done=counted.append)
        losses = [math.log1p(math.exp(-2 * value)) for value in values]
        assert row["loss"] == pytest.approx(sum(losses) / 3, rel=1e-6)
        assert row["accuracy"] == accuracy
    assert counted == [2, 1, 2, 1]


def test_training_stops_when_validation_gets_worse_and_goes_back() -> None:
    model = Toy()
    fitted = fit_toy(model, validated=1, epochs=50, patience=3)  # what helps training hurts validation
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
        fit_toy(model, validated=0, value=float("nan"))
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
        fit_toy(model, validated=0)
    assert torch.equal(model.scores.weight, before)


def test_a_validation_loss_that_is_not_a_number_is_never_the_best() -> None:
    class Failing(Toy):
        n_evaluated = 0

        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            self.n_evaluated += not self.training
            return super().forward(views) * (float("nan") if not self.training and self.n_evaluated > 4 else 1)

    fitted = fit_toy(Failing(), validated=0, epochs=50, patience=3, lr=1e-4)
    assert fitted.best_epoch == 2
    assert fitted.epoch - 1 == 2 + 3
    assert math.isnan(fitted.history[-1]["loss"])


def test_what_a_limit_of_the_gradient_leaves_of_a_step() -> None:
    steps = {}
    for limit in (None, 1e3, 1e-9):  # so far below Adam's epsilon of 1e-8 that the step shrinks with it
        torch.manual_seed(0)
        model = Toy()
        before = model.scores.weight.detach().clone()
        fit_toy(model, validated=0, epochs=1, max_grad_norm=limit)
        steps[limit] = (model.scores.weight.detach() - before).norm().item()
    assert steps[1e3] == steps[None]
    assert steps[1e-9] < 0.2 * steps[None]


def test_the_study_s_recipe_is_a_plain_loop_of_adam() -> None:
    torch.manual_seed(0)
    model = Wavering()
    plain = deepcopy(model)
    generator = torch.get_rng_state()
    fitted = fit_toy(model, validated=0, epochs=3, n_batches=2, max_grad_norm=0.1)
    torch.set_rng_state(generator)
    optimiser = torch.optim.Adam(plain.parameters(), lr=0.01, fused=True)
    for _ in range(6):
        optimiser.zero_grad()
        nn.functional.cross_entropy(plain({"x": torch.ones(4, 1)}), torch.zeros(4, dtype=torch.long)).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 0.1)
        optimiser.step()
    assert torch.equal(fitted.model.scores.weight, plain.scores.weight)
    assert torch.equal(fitted.best["scores.weight"], plain.scores.weight)


def test_steps_take_the_rate_of_their_place_in_the_training() -> None:
    model = Toy()
    rates = []

    def save(state: State) -> None:
        rates.append(state.optimiser.param_groups[0]["lr"])

    fit_toy(model, validated=0, epochs=4, n_batches=2, schedule="cosine", warmup_epochs=1, save=save)
    assert rates == pytest.approx([0.01, *(0.005 * (1 + math.cos(math.pi * step / 6)) for step in (1, 3, 5))])


def test_the_average_of_the_weights_is_validated_and_kept() -> None:
    model, seen = Toy(), []

    def save(state: State) -> None:
        seen.append(state.model.scores.weight.detach().clone())

    fitted = fit_toy(model, validated=0, epochs=3, ema_decay=0.5, save=save)
    first, second, third = seen
    expected = (0.25 * first + 0.5 * second + third) / 1.75
    torch.testing.assert_close(fitted.best["scores.weight"], expected)
    loss = nn.functional.cross_entropy((expected @ torch.ones(1, 1)).T, torch.tensor([0])).item()
    assert fitted.history[-1]["loss"] == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("received", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_last_clip_stops_the_training(received: signal.Signals) -> None:
    kept = []

    def save(state: State) -> None:
        kept.append(state.epoch)
        if kept.count(6) == 1 and state.epoch == 6:  # a second signal would end this process
            os.kill(os.getpid(), received)

    with pytest.raises(Interrupted) as stopped:
        fit_toy(Toy(), validated=0, save=save)
    assert stopped.value.exit_status == 128 + received


@pytest.mark.parametrize("changes", [{}, MODERN], ids=["study", "modern"])
@pytest.mark.parametrize("stop", range(1, 13))
def test_a_state_resumed_from_any_batch(stop: int, changes: dict[str, object]) -> None:
    def wavering() -> Wavering:
        torch.manual_seed(0)
        return Wavering()

    whole = {"validated": 1, "n_batches": 3, "epochs": 4, "patience": 4} | changes
    whole["batch"] = toy_batch([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
    undisturbed = fit_toy(wavering(), **whole)
    kept = []

    def save(state: State) -> None:
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
        fit_toy(Stopped(), save=save, **whole)
    torch.manual_seed(9)
    resumed = State(Wavering(), recipe(**changes), weight_decay=0.0)
    resumed.restore(*kept[-1])
    fit_toy(resumed.model, resumed=resumed, **whole)
    assert resumed.history == undisturbed.history
    assert resumed.best_epoch == undisturbed.best_epoch
    assert all(torch.equal(value, undisturbed.tensors()[name]) for name, value in resumed.tensors().items())


def test_a_restored_tensor_keeps_its_layout() -> None:
    def images() -> State:
        model = nn.Conv2d(3, 4, 3)
        CPU.setup_model(model)
        return State(model, recipe(ema_decay=0.5), weight_decay=0.0)

    state, other = images(), images()
    other.average.update_parameters(other.model)
    for moment in other.optimiser.state[other.model.weight].values():
        moment.copy_(torch.rand_like(moment))
    state.restore(load(pack(other.tensors())), other.record())
    assert torch.equal(state.model.weight, other.model.weight)
    assert torch.equal(state.average.module.weight, other.model.weight)
    assert state.average.n_averaged == 1
    assert not state.model.weight.is_contiguous()
    assert state.average.module.weight.stride() == state.model.weight.stride()
    for what, moment in state.optimiser.state[state.model.weight].items():
        assert torch.equal(moment, other.optimiser.state[other.model.weight][what])
        assert moment.stride() == (state.model.weight.stride() if moment.dim() else ())


def test_the_training_curve_is_taken_on_as_many_tracks_of_a_genre_as_validation_has() -> None:
    training = pd.DataFrame({"track_id": range(50), "genre": ["Folk"] * 48 + ["Rock"] * 2})
    validation = pd.DataFrame({"track_id": range(50, 58), "genre": ["Folk"] * 5 + ["Rock"] * 3})
    chosen = matching_tracks(training, validation)
    assert chosen["genre"].value_counts().to_dict() == {"Folk": 5, "Rock": 2}
    assert chosen["track_id"].tolist() == [0, 12, 24, 35, 47, 48, 49]


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one_clip_trains(name: str) -> None:
    model = build(name, n_classes=3, dropout=0.3, clip_samples=2**14, hop_length=1024, n_mels=128)  # the shortest clip
    views = {"waveform": torch.randn(1, 2**14), "mel": torch.randn(1, 16, 128)}
    nn.functional.cross_entropy(model.train()(views), torch.tensor([1])).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


def test_a_fault_in_a_batch_prepared_ahead_is_raised() -> None:
    def broken() -> Iterator[Batch]:
        yield from toy_batches(0)
        raise DataError("track 7")

    with pytest.raises(DataError, match="track 7"):
        list(prefetch(broken()))


def test_training_without_a_finite_validation_loss_is_an_error() -> None:
    class Broken(Toy):
        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            return super().forward(views) if self.training else super().forward(views) * float("nan")

    with pytest.raises(DataError, match="expected a finite validation loss"):
        fit_toy(Broken(), validated=0, epochs=2)


def test_a_trained_model_comes_back_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    architecture = {
        "name": "crnn",
        "n_classes": 3,
        "dropout": 0.1,
        "clip_samples": 2**16,
        "hop_length": 1024,
        "n_mels": 128,
    }
    mel = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
    genres = ["Folk", "Jazz", "Pop", "Rock"]
    clips = {"max_seconds": 3.0, "sample_rate": 44_100, "mel": mel}
    model = build(**architecture)

    def publish(n_classes: int) -> None:
        with ArtifactStore("train", root=tmp_path / "store") as store:
            write_bytes(temp_path(store.folder, WEIGHTS), pack(model.state_dict()))
            weights = store.commit(WEIGHTS, "key", {})
            card = card_of(architecture | {"n_classes": n_classes}, genres=genres[:n_classes], **clips)
            publish_trained(tmp_path / "0", weights, card, store=store)

    publish(n_classes=3)
    loaded, card = load_trained(tmp_path / "0", stage="train")
    written = card_of(architecture, genres=genres[:3], **clips)
    assert card == written | {"weights": file_digest(tmp_path / "0" / WEIGHTS)}
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    assert not loaded.training
    publish(n_classes=4)
    with pytest.raises(
        DataError, match=r"output.weight is float32\[3, 128\] in place of float32\[4, 128\].*repro -f train"
    ):
        load_trained(tmp_path / "0", stage="train")


def test_trainings_are_keyed_by_all_the_code_that_trains_and_by_no_figure() -> None:
    named = set(CodeSnapshot(train_model).digests())
    assert named >= {
        "fmagc.training.loop",
        "fmagc.training.data",
        "fmagc.models.networks",
        "fmagc.audio.log_mel",
        "fmagc.dataset.clips",
    }
    assert not [name for name in named if name.startswith(("fmagc.reporting", "fmagc.evaluation", "fmagc.inference"))]
