"""The loop: Adam, early stopping on validation loss, the best weights kept, a history of every epoch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from sklearn.metrics import accuracy_score, precision_recall_fscore_support
from torch import Tensor, nn
from tqdm import tqdm

from fmagc.errors import DataError
from fmagc.params.learning import Train
from fmagc.training.batch import Batch
from fmagc.training.hardware import Hardware

__all__ = ["Fitted", "fit"]


@dataclass(frozen=True)
class Fitted:
    """What training leaves.

    Attributes
    ----------
    state : dict of Tensor
        The weights of the best epoch.
    best_epoch : int
        The epoch of the lowest validation loss, from 1.
    history : list of dict
        Two rows an epoch, ``split`` train and val: ``epoch``, ``loss``, ``accuracy``, macro ``precision``, ``recall``
        and ``f1``. The training rows are taken as the epoch runs, on augmented clips and with dropout.
    """

    state: dict[str, Tensor]
    best_epoch: int
    history: list[dict[str, Any]]


class _Tally:
    """Sums one pass over a set."""

    def __init__(self) -> None:
        self._loss = 0.0
        self._true: list[int] = []
        self._predicted: list[int] = []

    def add(self, loss: float, logits: Tensor, target: Tensor) -> None:
        self._loss += loss * len(target)
        self._true += target.tolist()
        self._predicted += logits.argmax(dim=1).tolist()

    def row(self, epoch: int, split: str) -> dict[str, Any]:
        precision, recall, f1, _ = precision_recall_fscore_support(
            self._true, self._predicted, average="macro", zero_division=0
        )
        return {
            "epoch": epoch,
            "split": split,
            "loss": self._loss / len(self._true),
            "accuracy": accuracy_score(self._true, self._predicted),
            "precision": precision,
            "recall": recall,
            "f1": f1,
        }


def fit(
    model: nn.Module,
    *,
    training: Callable[[int], Iterator[Batch]],
    validation: Callable[[], Iterator[Batch]],
    settings: Train,
    weight_decay: float,
    hardware: Hardware,
    progress: "tqdm[Any]",
) -> Fitted:
    """Fit a network.

    Parameters
    ----------
    model : nn.Module
        Takes a batch's views, returns logits (N, K).
    training : Callable
        Gives the batches of an epoch, numbered from 1.
    validation : Callable
        Gives the same batches every time.
    settings : Train
        Epochs, patience, learning rate.
    weight_decay : float
        Adam's L2 penalty.
    hardware : Hardware
        Where and how precisely.
    progress : tqdm
        Counts clips.

    Raises
    ------
    DataError
        When a training loss is not finite: nothing is stepped, and the message names epoch, batch and tracks. When
        no validation loss was.
    """
    hardware.place(model)
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.lr, weight_decay=weight_decay)
    history: list[dict[str, Any]] = []
    best_loss, best_epoch, best_state = float("inf"), 0, _copy(model)
    for epoch in range(1, settings.epochs + 1):
        trained = _train_epoch(model, training(epoch), optimiser, hardware, progress, epoch)
        judged = _judge(model, validation(), hardware, progress, epoch)
        history += [trained, judged]
        if judged["loss"] < best_loss:
            best_loss, best_epoch, best_state = judged["loss"], epoch, _copy(model)
        progress.write(
            f"epoch {epoch:3d}  loss {trained['loss']:.3f}  validation loss {judged['loss']:.3f}  "
            f"f1 {judged['f1']:.3f}{'  best' if best_epoch == epoch else ''}"
        )
        if epoch - best_epoch >= settings.patience:
            break
    if best_epoch == 0:
        raise DataError("training: expected a finite validation loss, found none in any epoch: lower train.lr")
    return Fitted(best_state, best_epoch, history)


def _train_epoch(
    model: nn.Module,
    batches: Iterator[Batch],
    optimiser: torch.optim.Optimizer,
    hardware: Hardware,
    progress: "tqdm[Any]",
    epoch: int,
) -> dict[str, Any]:
    model.train()
    tally = _Tally()
    for number, batch in enumerate(batches, start=1):
        logits, loss = _forward(model, batch, hardware)
        value = loss.item()
        if not torch.isfinite(loss):
            raise DataError(
                f"training: expected a finite loss, found {value} in epoch {epoch}, batch {number}, tracks "
                f"{batch.track_ids}: lower train.lr, or look at these tracks"
            )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        tally.add(value, logits, batch.target)
        progress.update(len(batch.target))
    return tally.row(epoch, "train")


@torch.inference_mode()
def _judge(
    model: nn.Module, batches: Iterator[Batch], hardware: Hardware, progress: "tqdm[Any]", epoch: int
) -> dict[str, Any]:
    model.eval()
    tally = _Tally()
    for batch in batches:
        logits, loss = _forward(model, batch, hardware)
        tally.add(loss.item(), logits, batch.target)
        progress.update(len(batch.target))
    return tally.row(epoch, "val")


def _forward(model: nn.Module, batch: Batch, hardware: Hardware) -> tuple[Tensor, Tensor]:
    views = batch.on(hardware.device)
    with hardware.autocast():
        logits = model(views)
    logits = logits.float()
    return logits, nn.functional.cross_entropy(logits, batch.target.to(hardware.device))


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
