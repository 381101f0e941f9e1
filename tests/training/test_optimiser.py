"""The optimiser is torch's, and the learning rate of each step is that of its formula."""

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from fmagc.training.optimiser import learning_rate, make_optimiser
from tests.support.recipe import recipe

GRADIENTS = torch.tensor([[0.5, -1.0], [0.0, 2.0], [-0.3, 0.1]])


def steps(optimiser: torch.optim.Optimizer, weight: nn.Parameter) -> list[torch.Tensor]:
    """Take a step for each gradient; return the weights after each."""
    taken = []
    for gradient in GRADIENTS:
        weight.grad = gradient[None].clone()
        optimiser.step()
        taken.append(weight.detach().clone())
    return taken


def test_steps_are_those_of_torch() -> None:
    ours, theirs = (nn.Linear(2, 1, bias=False) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimiser = make_optimiser(ours, weight_decay=0.1)
    expected = torch.optim.Adam(theirs.parameters(), weight_decay=0.1, fused=True)
    assert torch.equal(torch.cat(steps(optimiser, ours.weight)), torch.cat(steps(expected, theirs.weight)))


def rates(**changes: object) -> list[float]:
    settings = recipe(**changes)
    return [learning_rate(step, settings, steps_per_epoch=3) for step in range(3 * settings.epochs)]


def test_a_constant_rate_is_the_one_of_the_settings() -> None:
    assert rates(lr=0.003) == [0.003] * 15


def test_a_warm_up_rises_along_a_line() -> None:
    assert rates(lr=0.6, warmup_epochs=2) == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, *[0.6] * 9])


def test_a_cosine_falls_to_zero_as_torch_s_does() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.6)
    scheduler = CosineAnnealingLR(optimiser, T_max=12)
    expected = []
    for _ in range(12):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step()
    assert rates(lr=0.6, warmup_epochs=1, schedule="cosine") == pytest.approx([0.2, 0.4, 0.6, *expected])
    assert 0 < expected[-1] < 0.02
