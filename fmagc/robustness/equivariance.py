"""Equivariance of encoders: errors of their output when the music is shifted in time.

For a shift g of the input by k steps of the output, and g' the shift of the output by k steps, an encoder f is
equivariant where f(gx) = g'f(x), and invariant where f(gx) = f(x). Both are measured as relative errors, the norm of
the difference over the norm of what is expected, over all channels and steps. An output that is defined at whole steps
is moved by half a step by the mean of two neighbours.

Zero padding depends on where a window begins, so it follows no shift. Steps whose receptive field
reaches beyond the window are therefore left out, and the window is longer by as much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from fmagc.models.encoders import Encoder

__all__ = ["Reach", "ShiftErrors", "encoders_of", "margin", "reach", "shift_errors"]


@dataclass(frozen=True)
class Reach:
    """The steps at either end of an encoder's output that depend on what lies beyond the input."""

    before: int
    after: int


@dataclass(frozen=True)
class ShiftErrors:
    """Relative errors of an encoder's output after a shift by a number of steps."""

    steps: float
    equivariance: float  # |f(gx) - g'f(x)| / |g'f(x)|
    invariance: float  # |f(gx) - f(x)| / |f(x)|


def encoders_of(model: nn.Module) -> list[Encoder]:
    """Find the encoders of a network."""
    return [module for module in model.modules() if isinstance(module, Encoder)]


def reach(encoder: Encoder) -> Reach:
    """Compute the receptive field of an encoder from its convolutions and pools, which follow each other in time.

    Step t of the output sees the inputs from ``t * time_stride - left`` to ``t * time_stride + right``. A shortcut of
    kernel and stride 1 in time widens nothing.

    Notes
    -----
    After Araujo, Norris & Sim, "Computing receptive fields of convolutional neural networks" (2019).
    """
    left, right, stride = 0, 0, 1
    for layer in encoder.modules():
        if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.MaxPool1d | nn.MaxPool2d):
            kernel, padding = _in_time(layer.kernel_size), _in_time(layer.padding)
            left += padding * stride
            right += (kernel - 1 - padding) * stride
            stride *= _in_time(layer.stride)
    return Reach(before=math.ceil(left / stride), after=max(0, math.ceil((right + 1) / stride) - 1))


def _in_time(size: Any) -> int:
    """Return a layer's size along time, its first axis."""
    return int(size[0] if isinstance(size, tuple) else size)


def margin(encoder: Encoder, *, shifts: Sequence[float]) -> int:
    """Count the steps by which a window must be longer than what is compared of it."""
    edges = reach(encoder)
    return edges.before + edges.after + math.ceil(max(shifts))


def shift_errors(encoder: Encoder, x: Tensor, *, shifts: Sequence[float]) -> list[ShiftErrors]:
    """Shift a window and compare the outputs of an encoder before and after.

    Parameters
    ----------
    x : Tensor [shape=(B, length, ...)]
        Normalised; longer than `margin` steps.
    shifts : sequence of float
        In steps, multiples of a half: ``gx`` starts later in the music than ``x`` by this much.
    """
    edges, stride = reach(encoder), encoder.time_stride
    length = x.shape[1] - math.ceil(max(shifts)) * stride
    still = encoder(x[:, :length])  # f(x), (B, C, T)
    errors = []
    for steps in shifts:
        start = round(steps * stride)
        found = encoder(x[:, start : start + length])  # f(gx)
        low, high = math.floor(steps), math.ceil(steps)
        n_steps = still.shape[-1] - high
        moved = (still[..., low : low + n_steps] + still[..., high : high + n_steps]) / 2  # g'f(x)
        inner = slice(edges.before, n_steps - edges.after)
        errors.append(
            ShiftErrors(
                steps,
                equivariance=_relative(found[..., inner], moved[..., inner]),
                invariance=_relative(found[..., inner], still[..., inner]),
            )
        )
    return errors


def _relative(found: Tensor, expected: Tensor) -> float:
    return float((found.double() - expected.double()).norm() / expected.double().norm())
