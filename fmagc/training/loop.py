"""The loop: optimiser steps, early stopping on validation loss, the best weights kept, a history of every epoch.

A training is a `training.state.State`, which the loop takes from batch to batch. It is saved after every epoch, and
after a signal, at the end of the batch under way.
"""

import math
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from torch import Tensor, nn
from tqdm import tqdm

from fmagc.dataset.batch import Batch
from fmagc.devices.device import Hardware
from fmagc.errors import DataError
from fmagc.params.training import Train
from fmagc.tasks.decide import most_probable
from fmagc.tasks.labels import Labels
from fmagc.training.loss import Criterion
from fmagc.training.optimiser import learning_rate
from fmagc.training.signals import Interrupted, Interrupts
from fmagc.training.state import State

__all__ = ["Batches", "Trainer"]

_LOWER = "lower train.lr, or models.M.train.lr where this model has its own"

Done = Callable[[int], None]  # takes the number of clips that are done


@dataclass(frozen=True)
class Batches:
    """The batches that a network is fitted to and measured on.

    Attributes
    ----------
    per_epoch : int
        Training batches of an epoch.
    training : callable
        Gives the batches of an epoch, numbered from 1, without a number of batches at its start.
    train_eval : callable
        Gives batches of training tracks without augmentation, the same every time: the training curve.
    validation : callable
        Gives the batches of the validation tracks, the same every time.
    """

    per_epoch: int
    training: Callable[[int, int], Iterator[Batch]]
    train_eval: Callable[[], Iterator[Batch]]
    validation: Callable[[], Iterator[Batch]]


class Trainer:
    """Fits the network of a state.

    Parameters
    ----------
    labels : Labels
        What targets number.
    criterion : Criterion
        The loss, of validation too.
    settings : Train
        Epochs, patience, the learning rate, the limit of the gradient.
    hardware : Hardware
        Where and how precisely.
    """

    def __init__(
        self, state: State, *, labels: Labels, criterion: Criterion, settings: Train, hardware: Hardware
    ) -> None:
        self._state, self._labels, self._criterion, self._settings = state, labels, criterion, settings
        self._hardware, self._processes = hardware, hardware.processes

    def fit(self, batches: Batches, *, save: Callable[[State], None], progress: "tqdm[Any]") -> None:
        """Fit the network, from wherever its state is to the end.

        Afterwards `State.best` holds the weights of the best epoch, and `State.history` two rows an epoch, ``split``
        train and val: ``epoch``, ``loss`` (the criterion), ``accuracy``, macro ``precision``, ``recall``, ``f1``
        and ``average_precision``, as `measure` has them.
        Both rows are measured at the end of the epoch and in the same way: fixed clips, no augmentation, no smoothing
        of labels, no dropout, BatchNorm's running statistics.

        Parameters
        ----------
        save : callable
            Takes the state after every epoch and before the loop stops for a signal.
        progress : tqdm
            Counts clips.

        Raises
        ------
        DataError
            When a training loss or gradient is not finite: nothing is stepped, and the message names epoch, batch and
            tracks. When no validation loss was.
        Interrupted
            After SIGINT or SIGTERM; the state is saved.
        """
        state = self._state
        with Interrupts() as interrupts:

            def done(n_clips: int) -> None:
                progress.update(n_clips)
                received = self._processes.all_reduce_max(interrupts.received or 0)
                if received:
                    save(state)
                    raise Interrupted(signal.Signals(received), f"in epoch {state.epoch}, after batch {state.batch}")

            while not self._is_over():
                self._train_epoch(batches, done)
                self._processes.broadcast_(state.model.buffers())  # BatchNorm's statistics, where each has its own
                training = self.measure(batches.train_eval(), done=done)
                validation = self.measure(batches.validation(), done=done)
                epoch = state.epoch
                state.finish_epoch(training=training, validation=validation)
                progress.write(
                    f"epoch {epoch:3d}  loss {training['loss']:.3f}  validation loss {validation['loss']:.3f}  "
                    f"f1 {validation['f1']:.3f}  average precision {validation['average_precision']:.3f}"
                    f"{'  best' if state.best_epoch == epoch else ''}"
                )
                save(state)
                done(0)  # a signal since the last clip
        if state.best_epoch == 0:
            raise DataError(f"training: expected a finite validation loss, found none in any epoch: {_LOWER}")

    def backward(self, batch: Batch) -> tuple[Tensor, int]:
        """Backpropagate, all-reduce the gradients weighted by clip count, return mean loss and global clip count."""
        parameters = list(self._state.model.parameters())
        if batch.track_ids:
            logits = self._logits(self._state.model, batch)
            target = batch.target.to(self._hardware.device)
            loss = self._criterion(logits, target, label_smoothing=self._settings.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            loss = loss.detach()
        else:
            loss = torch.zeros((), device=self._hardware.device)
            for parameter in parameters:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        return loss, self._processes.average([loss, *gradients], weight=len(batch.target))

    @torch.inference_mode()
    def measure(self, batches: Iterator[Batch], *, done: Done) -> dict[str, float]:
        """Measure over all processes: the mean loss of clips, and the rest of tracks, by mean probabilities of clips.

        Accuracy is the share of tracks whose most probable genre is one of theirs. For precision, recall and F1 a track
        gets as many genres as it carries, its most probable ones. These and average precision are means over the genres
        that occur.
        """
        model = self._state.model.eval()
        total, n_clips, by_track = 0.0, 0, dict[tuple[int, int], Tensor]()  # sums of probabilities by track and class
        for batch in batches:
            turn = self._processes.all_gather(self._predict(model, batch) if batch.track_ids else None)
            parts = [part for part in turn if part is not None]  # in the order in which one process comes to them
            for loss, track_ids, targets, p in parts:
                total += loss * len(targets)
                n_clips += len(targets)
                for track, own in zip(zip(track_ids, targets, strict=True), p, strict=True):
                    by_track[track] = by_track.get(track, 0) + own
            done(sum(len(targets) for _, _, targets, _ in parts))
        carried = self._labels.members[[target for _, target in by_track]]  # (tracks, K)
        predicted = torch.stack(list(by_track.values())).numpy()
        given, present = most_probable(predicted, carried.sum(axis=1)), carried.any(axis=0)
        of_genres = precision_recall_fscore_support(carried, given, average=None, zero_division=0)  # (4, K)
        precision, recall, f1 = (values[present].mean() for values in of_genres[:3])
        return {
            "loss": total / n_clips,
            "accuracy": float(carried[np.arange(len(predicted)), predicted.argmax(axis=1)].mean()),
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "average_precision": _average_precision(carried[:, present], predicted[:, present]),
        }

    def _is_over(self) -> bool:
        finished = self._state.epoch - 1
        patience = self._settings.patience
        return finished >= self._settings.epochs or finished - self._state.best_epoch >= patience

    def _train_epoch(self, batches: Batches, done: Done) -> None:
        state, max_norm = self._state, self._settings.max_grad_norm
        state.model.train()
        for batch in batches.training(state.epoch, state.batch):
            self._hardware.seed_batch(state.epoch, state.batch)
            state.optimiser.zero_grad(set_to_none=True)
            loss, n_clips = self.backward(batch)
            gradients = [parameter.grad for parameter in state.model.parameters() if parameter.grad is not None]
            norm = nn.utils.get_total_norm(gradients)
            if not torch.isfinite(torch.stack([loss, norm])).all():  # one wait for the device
                raise self._not_finite(loss, norm, batch)
            if max_norm is not None:
                nn.utils.clip_grads_with_norm_(state.model.parameters(), max_norm, norm)
            step = (state.epoch - 1) * batches.per_epoch + state.batch
            state.step(learning_rate(step, self._settings, steps_per_epoch=batches.per_epoch))
            done(n_clips)

    def _not_finite(self, loss: Tensor, norm: Tensor, batch: Batch) -> DataError:
        track_ids = list(chain(*self._processes.all_gather(batch.track_ids)))
        return DataError(
            f"training: expected a finite loss and gradient, found a loss of {loss.item()} and a gradient of norm "
            f"{norm.item()} in epoch {self._state.epoch}, batch {self._state.batch + 1}, tracks {track_ids}: "
            f"{_LOWER}, or look at these tracks"
        )

    def _predict(self, model: nn.Module, batch: Batch) -> tuple[float, list[int], list[int], Tensor]:
        """Return mean loss, tracks, labels and probabilities of a batch."""
        logits = self._logits(model, batch)
        loss = self._criterion(logits, batch.target.to(self._hardware.device))
        p = self._labels.task.activation(logits.double()).cpu()
        return loss.item(), batch.track_ids, batch.target.tolist(), p

    def _logits(self, model: nn.Module, batch: Batch) -> Tensor:
        with self._hardware.autocast():
            logits: Tensor = model(batch.on(self._hardware.device))
        return logits.float()


def _average_precision(carried: npt.NDArray[np.bool_], predicted: npt.NDArray[np.float64]) -> float:
    """Average over the genres; of probabilities that are no numbers there is none, and the loop goes on."""
    return float(average_precision_score(carried, predicted)) if np.isfinite(predicted).all() else math.nan
