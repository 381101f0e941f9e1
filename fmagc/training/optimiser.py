"""The optimiser of a training, and its learning rate at every step."""

from math import cos, pi

import torch
from torch import nn

from fmagc.params.training import Train

__all__ = ["learning_rate", "make_optimiser"]


def make_optimiser(model: nn.Module, *, weight_decay: float) -> torch.optim.Adam:
    """Make the optimiser, its moments in place as its first step would put them: what is saved has one form.

    Each step is given its learning rate by `state.State.step`.
    """
    optimiser = torch.optim.Adam(model.parameters(), weight_decay=weight_decay, fused=True)
    for parameter in model.parameters():
        optimiser.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
        }
    return optimiser


def learning_rate(step: int, settings: Train, *, steps_per_epoch: int) -> float:
    """Compute the learning rate of a step, counted from 0 over all epochs.

    It rises along a line to `lr` in the last step of the warm-up; then it stays there, or falls along half a cosine,
    which would reach 0 one step after the last epoch. Source of the cosine: Loshchilov and Hutter (2017), "SGDR".
    """
    warmup, total = (epochs * steps_per_epoch for epochs in (settings.warmup_epochs, settings.epochs))
    if step < warmup:
        return settings.lr * (step + 1) / warmup
    if settings.schedule == "constant":
        return settings.lr
    return settings.lr * (1 + cos(pi * (step - warmup) / (total - warmup))) / 2
