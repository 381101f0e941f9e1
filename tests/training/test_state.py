"""The state of a training: it is resumed from any batch, and its tensors keep their layouts."""

import os
import signal

import pytest
import torch
from safetensors.torch import load
from torch import nn

from fmagc.models.safetensors_io import pack
from fmagc.tasks.labels import Labels
from fmagc.training.signals import Interrupted
from fmagc.training.state import State
from tests.support.hardware import CPU
from tests.support.recipe import MODERN
from tests.support.toy_training import ONE, SEVERAL, Wavering, fit_toy, toy_batch


@pytest.mark.parametrize(
    ("labels", "changes"),
    [(ONE, {}), (ONE, MODERN), (SEVERAL, MODERN | {"class_balance": "weighted_loss"})],
    ids=["study", "modern", "multi"],
)
@pytest.mark.parametrize("stop", range(1, 13))
def test_a_state_resumed_from_any_batch(stop: int, labels: Labels, changes: dict[str, object]) -> None:
    def wavering() -> Wavering:
        torch.manual_seed(0)
        return Wavering()

    whole = {"validated": 1, "n_batches": 3, "epochs": 4, "patience": 4, "labels": labels} | changes
    whole["batch"] = toy_batch([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1])
    undisturbed = fit_toy(wavering(), **whole)
    kept = []

    def save(state: State) -> None:
        kept.append(({name: value.clone() for name, value in state.tensors().items()}, state.record()))

    class Stopped(Wavering):
        steps = 0

        def forward(self, views: dict[str, torch.Tensor]) -> torch.Tensor:
            self.steps += self.training
            if self.training and self.steps == stop:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().forward(views)

    torch.manual_seed(0)
    with pytest.raises(Interrupted, match=f"in epoch {(stop + 2) // 3}, after batch {(stop - 1) % 3 + 1}"):
        fit_toy(Stopped(), save=save, **whole)
    torch.manual_seed(9)
    resumed = State(Wavering(), weight_decay=0.0)
    resumed.restore(*kept[-1])
    fit_toy(resumed.model, resumed=resumed, **whole)
    assert resumed.history == undisturbed.history
    assert resumed.best_epoch == undisturbed.best_epoch
    assert all(torch.equal(value, undisturbed.tensors()[name]) for name, value in resumed.tensors().items())


def test_a_restored_tensor_keeps_its_layout() -> None:
    def images() -> State:
        model = nn.Conv2d(3, 4, 3)
        CPU.setup_model(model)
        return State(model, weight_decay=0.0)

    state, other = images(), images()
    for moment in other.optimiser.state[other.model.weight].values():
        moment.copy_(torch.rand_like(moment))
    state.restore(load(pack(other.tensors())), other.record())
    assert torch.equal(state.model.weight, other.model.weight)
    assert not state.model.weight.is_contiguous()
    for what, moment in state.optimiser.state[state.model.weight].items():
        assert torch.equal(moment, other.optimiser.state[other.model.weight][what])
        assert moment.stride() == (state.model.weight.stride() if moment.dim() else ())
