"""The state of a training between two batches, as tensors and a record: all that a resumed run needs, and no more.

The order of the tracks, their clips and augmentations follow from seed and epoch.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from fmagc.errors import DataError
from fmagc.training.optimiser import make_optimiser

__all__ = ["State", "history_of"]

_BEST = "best."
_GENERATOR = "generator."


class State:
    """The state of a training between two batches.

    Parameters
    ----------
    model : nn.Module
        On its device, in its final layout.
    weight_decay : float
        As `make_optimiser` takes it.

    Attributes
    ----------
    model, optimiser : nn.Module, torch.optim.Adam
        What is trained.
    epoch : int
        The epoch under way, from 1.
    batch : int
        How many of its batches are done.
    history : list of dict
        Two rows for each finished epoch; see `loop.Trainer.fit`.
    best_epoch : int
        The epoch of the lowest validation loss so far; 0 when no loss was finite.
    best : dict of Tensor
        The state of the model after that epoch.
    """

    def __init__(self, model: nn.Module, *, weight_decay: float) -> None:
        self.model = model
        self.optimiser = make_optimiser(model, weight_decay=weight_decay)
        self.epoch, self.batch = 1, 0
        self.history: list[dict[str, Any]] = []
        self.best_epoch = 0
        self.best = self._weights()

    @property
    def best_loss(self) -> float:
        """The validation loss of the best epoch; infinite when there is none."""
        return float(self.history[2 * self.best_epoch - 1]["loss"]) if self.best_epoch else math.inf

    def step(self, lr: float) -> None:
        """Step the optimiser by the gradients at a learning rate, and count the batch."""
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        self.batch += 1

    def finish_epoch(self, *, training: dict[str, float], validation: dict[str, float]) -> None:
        """Add the metrics of the epoch to the history and begin the next; a loss that is no number is never the best.

        Parameters
        ----------
        training, validation : dict of str to float
            ``loss`` and what else was measured.
        """
        if validation["loss"] < self.best_loss:
            self.best_epoch, self.best = self.epoch, self._weights()
        self.history += [
            {"epoch": self.epoch, "split": split} | metrics
            for split, metrics in (("train", training), ("val", validation))
        ]
        self.epoch, self.batch = self.epoch + 1, 0

    def tensors(self) -> dict[str, Tensor]:
        """Name every tensor, those of model and optimiser in place, with torch's random generators."""
        named = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            named |= {f"adam.{name}.{what}": value for what, value in self.optimiser.state[parameter].items()}
        named |= {f"{_BEST}{name}": value for name, value in self.best.items()}
        named[f"{_GENERATOR}cpu"] = torch.get_rng_state()
        if torch.cuda.is_available():
            named[f"{_GENERATOR}cuda"] = torch.cuda.get_rng_state()
        return named

    def record(self) -> dict[str, Any]:
        """Return everything that is no tensor, as JSON."""
        history = [{**row, "loss": repr(row["loss"])} for row in self.history]  # JSON has no infinity
        return {"epoch": self.epoch, "batch": self.batch, "best_epoch": self.best_epoch, "history": history}

    def restore(self, tensors: dict[str, Tensor], record: dict[str, Any]) -> None:
        """Restore what `tensors` and `record` returned: names and shapes are the same; every tensor keeps its layout.

        Raises
        ------
        DataError
            When the record contradicts itself.
        """
        self.epoch, self.batch, self.best_epoch = (int(record[key]) for key in ("epoch", "batch", "best_epoch"))
        self.history = history_of(record)
        rows = [(row.get("epoch"), row.get("split")) for row in self.history]
        wanted = [(epoch, split) for epoch in range(1, self.epoch) for split in ("train", "val")]
        if rows != wanted or not 0 <= self.best_epoch < self.epoch or self.batch < 0:
            raise DataError(
                f"expected two rows of history for each finished epoch, found {len(self.history)} rows in epoch "
                f"{self.epoch}, batch {self.batch}, the best epoch {self.best_epoch}"
            )
        for name, place in self.tensors().items():
            if name == f"{_GENERATOR}cpu":
                torch.set_rng_state(tensors[name])
            elif name == f"{_GENERATOR}cuda":
                torch.cuda.set_rng_state(tensors[name])
            else:
                place.copy_(tensors[name])

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self.model.state_dict().items()}


def history_of(record: dict[str, Any]) -> list[dict[str, Any]]:
    """Read the history out of a record of a state."""
    return [{**row, "loss": float(row["loss"])} for row in record["history"]]
