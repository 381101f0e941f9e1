"""A convolution of one channel, as a matrix product."""

import torch
from torch import Tensor, nn

__all__ = ["OneChannelConv2d"]


class OneChannelConv2d(nn.Conv2d):
    """Conv2d for one input channel: the same parameters, the same function, several times as fast on a CPU.

    A CPU's convolutions take their vectors from the channels. With one channel there is nothing to take, and since its
    memory is channels first and channels last at once, the result comes out channels first, and every layer behind it
    converts. Here the patches under the kernel become the rows of a matrix, and its product with the weights is
    channels last by itself. On other devices it is the convolution.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (B, 1, H, W)."""
        if input.device.type != "cpu":
            return super().forward(input)
        if torch.is_autocast_enabled("cpu"):
            input = input.to(torch.get_autocast_dtype("cpu"))  # before it is copied nine times
        (height, width), (down, right) = self.kernel_size, self.stride
        rows, columns = (int(n) for n in self.padding)
        padded = nn.functional.pad(input.squeeze(1), (columns, columns, rows, rows))
        patches = padded.unfold(1, height, down).unfold(2, width, right)  # (B, H_out, W_out, height, width), a view
        y = nn.functional.linear(patches.reshape(-1, height * width), self.weight.flatten(1), self.bias)
        return y.view(*patches.shape[:3], self.out_channels).permute(0, 3, 1, 2)
