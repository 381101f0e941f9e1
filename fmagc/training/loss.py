"""The training losses, one for each task, with corrections for classes of unequal size."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from fmagc.tasks.labels import Labels

__all__ = ["CRITERIA", "BinaryCrossEntropy", "Criterion", "CrossEntropy"]


class Criterion(ABC):
    """The loss of logits and labels, its mean over clips.

    Parameters
    ----------
    balance : str
        ``none``, ``weighted_loss`` or ``logit_adjustment``: the logarithms of the odds of the classes in training are
        added to the logits of the loss, and only there, so that the network's own logits are free of them. Source:
        Menon et al. (2021), "Long-tail learning via logit adjustment".
    codes : sequence of int
        The label of every training track.
    labels : Labels
        What the codes number.
    device : torch.device
        Of the logits.

    Attributes
    ----------
    start : Tensor [shape=(K,), float32]
        What the logits of a new network are raised by.
    """

    def __init__(self, balance: str, codes: Sequence[int], *, labels: Labels, device: torch.device) -> None:
        self._members = torch.as_tensor(labels.members, dtype=torch.float32).to(device)  # (C, K)
        counts = torch.bincount(torch.as_tensor(codes), minlength=len(labels.texts)).to(device) / len(codes)
        frequency = counts @ self._members  # (K,)
        self._weight = self._weights(frequency) if balance == "weighted_loss" else None
        self._shift = self._shifts(frequency) if balance == "logit_adjustment" else None
        self.start = self._start(frequency)

    @abstractmethod
    def __call__(self, logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Compute the loss of a batch, always divided by the number of its clips.

        Parameters
        ----------
        logits : Tensor [shape=(B, K), float32]
        target : Tensor [shape=(B,), int64]
            Labels.
        label_smoothing : float in [0, 1)
            The part of each target that is shared out evenly among all classes. Source: Szegedy et al. (2016),
            "Rethinking the Inception architecture for computer vision".
        """

    @abstractmethod
    def _weights(self, frequency: Tensor) -> Tensor:
        """Weigh the classes by their shares of the training tracks."""

    @abstractmethod
    def _shifts(self, frequency: Tensor) -> Tensor:
        """Compute what is added to the logits of each class."""

    @abstractmethod
    def _start(self, frequency: Tensor) -> Tensor:
        """Compute where the logits of a new network begin."""


class CrossEntropy(Criterion):
    """Cross-entropy, where a track has one genre; each of the classes occurs.

    ``weighted_loss``: a clip counts by the inverse of its class's frequency, as scikit-learn's
    ``class_weight="balanced"`` has it; over the training set the weights average to 1.
    """

    def __call__(self, logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Compute the loss; see `Criterion`."""
        if self._shift is not None:
            logits = logits + self._shift
        if self._weight is None:
            return nn.functional.cross_entropy(logits, target, label_smoothing=label_smoothing)
        total = nn.functional.cross_entropy(
            logits, target, weight=self._weight, reduction="sum", label_smoothing=label_smoothing
        )
        return total / len(target)

    def _weights(self, frequency: Tensor) -> Tensor:
        return 1 / (len(frequency) * frequency)

    def _shifts(self, frequency: Tensor) -> Tensor:
        return frequency.log()

    def _start(self, frequency: Tensor) -> Tensor:
        return torch.zeros_like(frequency)  # no genre is far from its share


class BinaryCrossEntropy(Criterion):
    """Binary cross-entropy of every genre, summed over the genres of a clip, where a track has several.

    The sum has the size of a cross-entropy whatever the number of genres, so that learning rates and limits of the
    gradient mean the same in both tasks. Smoothing shares out a part of a clip's genres among all, as many as it has.

    ``weighted_loss``: what a clip carries counts by the odds against it in training, from 1 to `most_weight`: the loss
    of a genre of five tracks in 80,000 would otherwise drown all others.

    A network begins where the loss pulls no genre either way. At a probability of one half, all genres pull downwards
    together, and a network may answer by units that never recover. Source: Lin et al. (2017), "Focal loss for dense
    object detection", section 4.1.
    """

    most_weight: ClassVar[float] = 20.0
    least_frequency: ClassVar[float] = 1e-6  # of a genre whose training tracks were all rejected

    def __call__(self, logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Compute the loss; see `Criterion`."""
        carried = self._members[target]  # (B, K)
        if label_smoothing:
            shared = carried.mean(dim=1, keepdim=True)
            carried = (1 - label_smoothing) * carried + label_smoothing * shared
        if self._shift is not None:
            logits = logits + self._shift
        total = nn.functional.binary_cross_entropy_with_logits(
            logits, carried, pos_weight=self._weight, reduction="sum"
        )
        return total / len(target)

    def _weights(self, frequency: Tensor) -> Tensor:
        return self._odds_against(frequency).clamp(1.0, self.most_weight)

    def _shifts(self, frequency: Tensor) -> Tensor:
        return -self._odds_against(frequency).log()

    def _start(self, frequency: Tensor) -> Tensor:
        balanced = -self._odds_against(frequency).log()
        if self._weight is not None:
            balanced = balanced + self._weight.log()
        return balanced if self._shift is None else balanced - self._shift

    def _odds_against(self, frequency: Tensor) -> Tensor:
        bounded = frequency.clamp(self.least_frequency, 1 - self.least_frequency)
        return (1 - bounded) / bounded


CRITERIA: Mapping[str, type[Criterion]] = {"single": CrossEntropy, "multi": BinaryCrossEntropy}
