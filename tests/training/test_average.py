"""The average of the weights against a loop in NumPy, without a trace of the weights before the first step."""

import numpy as np
import pytest
import torch
from torch import nn

from fmagc.training.average import make_average


@pytest.mark.parametrize("decay", [0.0, 0.7, 0.99])
def test_the_average_is_the_weighted_mean_of_the_weights_of_all_steps(decay: float) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = make_average(model, decay)
    seen = []
    for n in range(1, 8):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(torch.randn_like(parameter))
        model(torch.randn(5, 3))  # BatchNorm's statistics move
        average.update_parameters(model)
        seen.append({name: value.numpy().copy() for name, value in model.state_dict().items()})
        counted = decay ** np.arange(n - 1, -1, -1.0)
        for name, value in average.module.state_dict().items():
            if name.endswith("num_batches_tracked"):
                assert value.item() == n
            else:
                expected = np.tensordot(counted / counted.sum(), np.stack([each[name] for each in seen]), axes=1)
                np.testing.assert_allclose(value.numpy(), expected, rtol=1e-4, atol=1e-6)
