"""The training loss: cross-entropy, with corrections for classes of unequal size."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["Criterion"]


class Criterion:
    """Cross-entropy of logits and classes, its mean over clips.

    Parameters
    ----------
    balance : str
        ``weighted_loss``: a clip counts by the inverse of its class's frequency, as scikit-learn's
        ``class_weight="balanced"`` has it; over the training set the weights average to 1.
        ``logit_adjustment``: the logarithms of the frequencies are added to the logits of the loss, and only there, so
        that the network's own logits are free of them. Source: Menon et al. (2021), "Long-tail learning via logit
        adjustment".
    labels : sequence of int
        The class of every training track; each of the classes occurs.
    device : torch.device
        Of the logits.
    """

    def __init__(self, balance: str, labels: Sequence[int], *, n_classes: int, device: torch.device) -> None:
        frequency = torch.bincount(torch.as_tensor(labels), minlength=n_classes).to(device) / len(labels)
        self._weight = 1 / (n_classes * frequency) if balance == "weighted_loss" else None
        self._shift = frequency.log() if balance == "logit_adjustment" else None

    def __call__(self, logits: Tensor, target: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Compute the loss of a batch, always divided by the number of its clips.

        Parameters
        ----------
        logits : Tensor [shape=(B, K), float32]
        target : Tensor [shape=(B,), int64]
            Classes.
        label_smoothing : float in [0, 1)
            The part of each target that is shared out evenly among all classes. Source: Szegedy et al. (2016),
            "Rethinking the Inception architecture for computer vision".
        """
        if self._shift is not None:
            logits = logits + self._shift
        if self._weight is None:
            return nn.functional.cross_entropy(logits, target, label_smoothing=label_smoothing)
        total = nn.functional.cross_entropy(
            logits, target, weight=self._weight, reduction="sum", label_smoothing=label_smoothing
        )
        return total / len(target)
