"""The exponential average of a network's weights over the steps of its training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

__all__ = ["make_average"]


def make_average(model: nn.Module, decay: float) -> AveragedModel:
    """Make the average of a network, of no step yet; `update_parameters(model)` adds one.

    After n steps it is the mean of the weights w_1 ... w_n, that of step i counted decay^(n - i) times: no trace of
    the weights before the first step is in it. The running statistics of BatchNorm are averaged in the same way, since
    those of the network itself belong to other weights; a count of batches is that of the network.

    Parameters
    ----------
    model : nn.Module
        On its device, in its final layout.
    decay : float in [0, 1)
    """

    @torch.no_grad()
    def add(averages: Sequence[Tensor], values: Sequence[Tensor], _: Tensor | int) -> None:
        weight = (1 - decay) / (1 - decay ** (int(average.n_averaged) + 1))  # on the CPU: no wait for the device
        if averages[0].is_floating_point():
            torch._foreach_lerp_(list(averages), list(values), weight)
        else:
            torch._foreach_copy_(list(averages), list(values))

    average = AveragedModel(model, multi_avg_fn=add, use_buffers=True)
    return average
