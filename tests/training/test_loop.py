"""The loop: the best weights kept, both curves measured alike, nothing stepped that is no number."""

import math
import os
import signal
from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from torch import nn

from fmagc.dataset.batch import Batch, Scaler, View
from fmagc.dataset.clips import prefetch
from fmagc.errors import DataError
from fmagc.models.build import build
from fmagc.models.registry import MODELS
from fmagc.runtime.code_snapshot import CodeSnapshot
from fmagc.tasks.labels import Labels
from fmagc.training.data import matching_tracks
from fmagc.training.signals import Interrupted
from fmagc.training.state import State
from fmagc.training.train import raise_logits, train_model
from tests.support.labels import multi
from tests.support.recipe import recipe
from tests.support.toy_training import ONE, Toy, Wavering, fit_toy, toy_batches, trainer_of

MACRO = {"precision", "recall", "f1", "average_precision"}


def test_the_history_and_the_best_weights_are_kept() -> None:
    kept = []
    fitted = fit_toy(Toy(), validated=0, epochs=4, save=lambda state: kept.append(state.epoch))
    assert [(row["epoch"], row["split"]) for row in fitted.history] == [
        (epoch, split) for epoch in range(1, 5) for split in ("train", "val")
    ]
    assert fitted.best_epoch == 4
    assert fitted.history[-1]["loss"] < fitted.history[1]["loss"]
    assert set(fitted.history[0]) == {"epoch", "split", "loss", "accuracy", *MACRO}
    assert kept == [2, 3, 4, 5]  # the epoch that comes next


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

    trainer, counted = trainer_of(State(Sure(), weight_decay=0.0), recipe()), []
    for values, accuracy in (
        ((-0.5, -0.5, 3.0), 1.0),
        ((-0.5, -0.5, 0.9), 0.0),
    ):  # p of class 1: .27, .27 and .998 or .86
        row = trainer.measure(patches(*values), done=counted.append)
        losses = [math.log1p(math.exp(-2 * value)) for value in values]
        assert row["loss"] == pytest.approx(sum(losses) / 3, rel=1e-6)
        assert row["accuracy"] == accuracy
    assert counted == [2, 1, 2, 1]


def rows_of_several(p: npt.ArrayLike, carried: list[str], labels: Labels) -> Iterator[Batch]:
    """Make clips, one a track, of which `Given` says these probabilities."""
    logits = torch.tensor(np.log(p) - np.log1p(-np.asarray(p)), dtype=torch.float32)
    target = torch.tensor([labels.texts.index(text) for text in carried])
    yield Batch({"x": View(logits, Scaler(torch.ones(1), torch.zeros(1)))}, target, list(range(len(logits))))


class Given(Toy):
    """A network whose logits are its input."""

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return views["x"]


def test_tracks_of_several_genres_are_measured_as_scikit_learn_does() -> None:
    labels = multi(["Folk", "Folk;Rock", "Punk;Rock"], genres=["Folk", "Jazz", "Punk", "Rock"])
    carried = ["Folk", "Folk;Rock", "Punk;Rock", "Folk"]  # no Jazz
    p = np.array([[0.8, 0.9, 0.1, 0.3], [0.6, 0.2, 0.1, 0.7], [0.5, 0.1, 0.2, 0.3], [0.4, 0.1, 0.3, 0.2]])
    row = trainer_of(State(Given(), weight_decay=0.0), recipe(), labels=labels).measure(
        rows_of_several(p, carried, labels), done=lambda n_clips: None
    )
    y = np.array([[1, 0, 0, 0], [1, 0, 0, 1], [0, 0, 1, 1], [1, 0, 0, 0]])
    given = np.array([[0, 1, 0, 0], [1, 0, 0, 1], [1, 0, 0, 1], [1, 0, 0, 0]])
    occurs = [0, 2, 3]
    precision, recall, f1, _ = precision_recall_fscore_support(
        y[:, occurs], given[:, occurs], average="macro", zero_division=0
    )
    losses = -(y * np.log(p) + (1 - y) * np.log(1 - p)).sum(axis=1)
    assert row == pytest.approx(
        {
            "loss": losses.mean(),
            "accuracy": 0.5,  # the second and the fourth
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "average_precision": average_precision_score(y[:, occurs], p[:, occurs]),
        },
        rel=1e-6,
    )


def test_tracks_of_one_genre_alone_are_measured_by_that_genre() -> None:
    labels = multi(["Folk"], genres=["Folk", "Rock"])
    p = [[0.6, 0.4], [0.6, 0.7], [0.3, 0.2]]
    row = trainer_of(State(Given(), weight_decay=0.0), recipe(), labels=labels).measure(
        rows_of_several(p, ["Folk"] * 3, labels), done=lambda n_clips: None
    )
    assert (row["precision"], row["recall"], row["f1"]) == (1, pytest.approx(2 / 3), pytest.approx(0.8))
    assert row["average_precision"] == 1


@pytest.mark.parametrize("labels", [ONE, multi(["Folk", "Rock"])], ids=["single", "multi"])
def test_training_stops_when_validation_gets_worse_and_goes_back(labels: Labels) -> None:
    model = Toy()
    fitted = fit_toy(model, validated=1, epochs=50, patience=3, labels=labels)  # what helps training hurts validation
    assert fitted.best_epoch == 1
    assert len(fitted.history) == 2 * (1 + 3)
    losses = [row["loss"] for row in fitted.history if row["split"] == "val"]
    model.load_state_dict(fitted.best)
    logits = model({"x": torch.ones(1, 1)})
    of_validation = {
        "single": nn.functional.cross_entropy(logits, torch.tensor([1])),
        "multi": nn.functional.binary_cross_entropy_with_logits(logits, torch.eye(2)[1:], reduction="sum"),
    }
    assert of_validation[labels.task.name].item() == pytest.approx(min(losses))


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


def test_the_training_curve_is_taken_on_as_many_tracks_of_a_label_as_validation_has() -> None:
    training = pd.DataFrame({"track_id": range(50), "label": [0] * 48 + [1] * 2})
    validation = pd.DataFrame({"track_id": range(50, 57), "label": [0] * 5 + [1] * 2})
    chosen = matching_tracks(training, validation)
    assert chosen["label"].tolist() == [0] * 5 + [1] * 2
    assert chosen["track_id"].tolist() == [0, 12, 24, 35, 47, 48, 49]


def test_other_training_tracks_stand_in_for_labels_that_validation_alone_has() -> None:
    training = pd.DataFrame({"track_id": range(9), "label": [0] * 3 + [1] + [2] * 5})
    validation = pd.DataFrame({"track_id": range(9, 14), "label": [1, 1, 7, 8, 9]})
    assert matching_tracks(training, validation)["track_id"].tolist() == [3, 0, 2, 6, 8]
    assert len(matching_tracks(training.head(2), validation)) == 2


@pytest.mark.parametrize("name", MODELS)
def test_a_batch_of_one_clip_trains(name: str) -> None:
    model = build(name, n_classes=3, dropout=0.3, clip_samples=2**14, hop_length=1024, n_mels=128)  # the shortest clip
    views = {"waveform": torch.randn(1, 2**14), "mel": torch.randn(1, 16, 128)}
    nn.functional.cross_entropy(model.train()(views), torch.tensor([1])).backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_logits_are_raised_by_the_last_layer(name: str) -> None:
    model = build(name, n_classes=3, dropout=0.3, clip_samples=2**14, hop_length=1024, n_mels=128).eval()
    views, by = {"waveform": torch.randn(2, 2**14), "mel": torch.randn(2, 16, 128)}, torch.tensor([1.0, -2.0, 0.0])
    with torch.inference_mode():
        before = model(views)
        raise_logits(model, by)
        torch.testing.assert_close(model(views), before + by)


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
