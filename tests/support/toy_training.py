"""A training of one layer on constant inputs, which takes no time."""

from collections.abc import Callable, Iterator
from itertools import repeat

import torch
from torch import nn
from tqdm import tqdm

from fmagc.dataset.batch import Batch, Scaler, View
from fmagc.params.training import Train
from fmagc.tasks.labels import Labels
from fmagc.training.loop import Batches, Trainer
from fmagc.training.loss import CRITERIA
from fmagc.training.state import State
from tests.support.hardware import CPU
from tests.support.labels import multi, single
from tests.support.recipe import recipe

ONE = single(["Folk", "Rock"])
SEVERAL = multi(["Folk", "Folk;Rock"])


class Toy(nn.Module):
    """One weight a class, on a constant input."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Linear(1, 2, bias=False)

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return self.scores(views["x"])


class Wavering(Toy):
    """A toy with dropout, which is another function while it is trained."""

    def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
        return nn.functional.dropout(super().forward(views), 0.5, training=self.training)


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
    labels: Labels = ONE,
    **changes: object,
) -> State:
    chosen = recipe(**changes)
    state = resumed or State(model, weight_decay=0.0)
    batches = Batches(
        per_epoch=n_batches,
        training=lambda epoch, skip: repeat(batch or next(toy_batches(0, value=value)), n_batches - skip),
        train_eval=lambda: toy_batches(0),
        validation=lambda: toy_batches(validated),
    )
    trainer_of(state, chosen, labels=labels).fit(batches, save=save, progress=tqdm(disable=True))
    return state


def trainer_of(state: State, chosen: Train, *, labels: Labels = ONE) -> Trainer:
    codes = range(len(labels.texts))
    criterion = CRITERIA[labels.task.name](chosen.class_balance, codes, labels=labels, device=CPU.device)
    return Trainer(state, labels=labels, criterion=criterion, settings=chosen, hardware=CPU)
