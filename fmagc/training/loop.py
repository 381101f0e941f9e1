"""The loop: Adam, early stopping on validation loss, the best weights kept, a history of every epoch.

A training is a `training.state.State`, which the loop takes from batch to batch. It is kept after every epoch, and when
a signal asks the loop to stop, after the batch under way.
"""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from torch import Tensor, nn
from tqdm import tqdm

from fmagc.dataset.batch import Batch
from fmagc.devices.device import Hardware
from fmagc.errors import DataError
from fmagc.params.training import Train
from fmagc.training.loss import Criterion
from fmagc.training.signals import Interrupted, Interrupts
from fmagc.training.state import State

__all__ = ["Data", "backward", "fit", "measure"]


@dataclass(frozen=True)
class Data:
    """What a network is fitted to and measured on.

    Attributes
    ----------
    training : callable
        Gives the batches of an epoch, numbered from 1, without a number of batches at its start.
    train_eval : callable
        Gives batches of training tracks without augmentation, the same every time: the training curve.
    validation : callable
        Gives the batches of the validation tracks, the same every time.
    """

    training: Callable[[int, int], Iterator[Batch]]
    train_eval: Callable[[], Iterator[Batch]]
    validation: Callable[[], Iterator[Batch]]


def fit(
    state: State,
    data: Data,
    *,
    criterion: Criterion,
    settings: Train,
    hardware: Hardware,
    keep: Callable[[State], None],
    progress: "tqdm[Any]",
) -> None:
    """Fit a network, from wherever its state is to the end.

    Afterwards `state.best` holds the weights of the best epoch, and `state.history` two rows an epoch, ``split`` train
    and val: ``epoch``, ``loss`` (the criterion), ``accuracy``, macro ``precision``, ``recall``
    and ``f1``. Both rows are measured at the end of the epoch and in the same way: fixed clips, no augmentation, no
    dropout, BatchNorm's running statistics.

    Parameters
    ----------
    state : State
    data : Data
    criterion : Criterion
        The loss, of validation too.
    settings : Train
        Epochs, patience, the limit of the gradient.
    hardware : Hardware
        Where and how precisely.
    keep : callable
        Takes the state after every epoch and before the loop stops for a signal.
    progress : tqdm
        Counts clips.

    Raises
    ------
    DataError
        When a training loss or gradient is not finite: nothing is stepped, and the message names epoch, batch and
        tracks. When no validation loss was.
    Interrupted
        After SIGINT or SIGTERM; the state is kept.
    """
    with Interrupts() as interrupts:

        def done(n_clips: int) -> None:
            progress.update(n_clips)
            received = hardware.processes.all_reduce_max(interrupts.received or 0)
            if received:
                keep(state)
                raise Interrupted(signal.Signals(received), f"in epoch {state.epoch}, after batch {state.batch}")

        while not _is_over(state, settings):
            _train_epoch(state, data.training(state.epoch, state.batch), criterion, settings, hardware, done)
            hardware.processes.broadcast_(state.model.buffers())  # BatchNorm's statistics, where each has its own
            trained = measure(state, data.train_eval(), "train", criterion, hardware, done)
            judged = measure(state, data.validation(), "val", criterion, hardware, done)
            state.finish_epoch(trained, judged)
            progress.write(
                f"epoch {trained['epoch']:3d}  loss {trained['loss']:.3f}  validation loss {judged['loss']:.3f}  "
                f"f1 {judged['f1']:.3f}{'  best' if state.best_epoch == trained['epoch'] else ''}"
            )
            keep(state)
            done(0)  # a signal since the last clip
    if state.best_epoch == 0:
        raise DataError("training: expected a finite validation loss, found none in any epoch: lower train.lr")


def _is_over(state: State, settings: Train) -> bool:
    finished = state.epoch - 1
    return finished >= settings.epochs or finished - state.best_epoch >= settings.patience


def _train_epoch(
    state: State,
    batches: Iterator[Batch],
    criterion: Criterion,
    settings: Train,
    hardware: Hardware,
    done: Callable[[int], None],
) -> None:
    state.model.train()
    for batch in batches:
        hardware.seed_batch(state.epoch, state.batch)
        state.optimiser.zero_grad(set_to_none=True)
        loss, n_clips = backward(state.model, batch, criterion, hardware)
        gradients = [parameter.grad for parameter in state.model.parameters() if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if not torch.isfinite(torch.stack([loss, norm])).all():  # one wait for the device
            raise _not_finite(loss, norm, state, hardware.processes.all_gather(batch.track_ids))
        if settings.max_grad_norm is not None:
            nn.utils.clip_grads_with_norm_(state.model.parameters(), settings.max_grad_norm, norm)
        state.optimiser.step()
        state.batch += 1
        done(n_clips)


def backward(model: nn.Module, batch: Batch, criterion: Criterion, hardware: Hardware) -> tuple[Tensor, int]:
    """Backpropagate, all-reduce the gradients weighted by clip count, return the mean loss and global clip count."""
    if batch.track_ids:
        _, loss = _forward(model, batch, criterion, hardware)
        loss.backward()  # type: ignore[no-untyped-call]
        loss = loss.detach()
    else:
        loss = torch.zeros((), device=hardware.device)
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return loss, hardware.processes.average([loss, *gradients], weight=len(batch.target))


def _not_finite(loss: Tensor, norm: Tensor, state: State, track_ids: list[list[int]]) -> DataError:
    return DataError(
        f"training: expected a finite loss and gradient, found a loss of {loss.item()} and a gradient of norm "
        f"{norm.item()} in epoch {state.epoch}, batch {state.batch + 1}, tracks {list(chain(*track_ids))}: lower "
        "train.lr, or look at these tracks"
    )


@torch.inference_mode()
def measure(
    state: State,
    batches: Iterator[Batch],
    split: str,
    criterion: Criterion,
    hardware: Hardware,
    done: Callable[[int], None],
) -> dict[str, Any]:
    """Measure loss and accuracy on all batches of a split; `done` counts the clips."""
    state.model.eval()
    total, true, predicted = 0.0, list[int](), list[int]()
    for batch in batches:
        turn = hardware.processes.all_gather(
            _judge(state.model, batch, criterion, hardware) if batch.track_ids else None
        )
        judged = [each for each in turn if each is not None]  # in the order in which one process would come to them
        for loss, targets, classes in judged:
            total += loss * len(targets)
            true += targets
            predicted += classes
        done(sum(len(targets) for _, targets, _ in judged))
    precision, recall, f1, _ = precision_recall_fscore_support(true, predicted, average="macro", zero_division=0)
    return {
        "epoch": state.epoch,
        "split": split,
        "loss": total / len(true),
        "accuracy": float(accuracy_score(true, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }


def _judge(
    model: nn.Module, batch: Batch, criterion: Criterion, hardware: Hardware
) -> tuple[float, list[int], list[int]]:
    logits, loss = _forward(model, batch, criterion, hardware)
    return loss.item(), batch.target.tolist(), logits.argmax(dim=1).tolist()


def _forward(model: nn.Module, batch: Batch, criterion: Criterion, hardware: Hardware) -> tuple[Tensor, Tensor]:
    views = batch.on(hardware.device)
    with hardware.autocast():
        logits = model(views)
    logits = logits.float()
    return logits, criterion(logits, batch.target.to(hardware.device))
