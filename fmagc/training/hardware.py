"""What the machine offers: the device, and the precision that is fastest on it."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

__all__ = ["Hardware", "prepare"]

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Hardware:
    """Where a network runs and how it multiplies.

    Attributes
    ----------
    device : torch.device
    precision : str
        ``float32``, or ``bfloat16`` for mixed precision: weights stay float32.
    reason : str
        Why this precision.
    """

    device: torch.device
    precision: str
    reason: str

    def autocast(self) -> AbstractContextManager[None]:
        """Return the context in which the forward pass runs."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bfloat16")

    def place(self, model: nn.Module) -> None:
        """Move a network there, its images channels last: the layout that convolutions are fastest on."""
        model.to(self.device)
        for parameter in model.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def __str__(self) -> str:
        return f"{self.device.type}, {self.precision} ({self.reason})"


def prepare(precision: Precision, *, threads: int, seed: int) -> Hardware:
    """Choose device and precision, and make what follows repeatable.

    Parameters
    ----------
    precision : str
        ``auto`` takes bfloat16 where the machine has matrix units for it, since elsewhere it is emulated and slower.
    threads : int
        Of the CPU's arithmetic: another number sums in another order.
    seed : int
        Of the weights' initial values and of dropout.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if precision != "auto":
        return Hardware(device, precision, "train.precision")
    units = _bfloat16_units(device)
    if units:
        return Hardware(device, "bfloat16", f"auto: the machine has {units}")
    return Hardware(device, "float32", "auto: no bfloat16 matrix units found")


def _bfloat16_units(device: torch.device) -> str:
    if device.type == "cuda":
        return "bfloat16 tensor cores" if torch.cuda.is_bf16_supported(including_emulation=False) else ""
    capabilities = torch.cpu.get_capabilities()
    return next((name for name in ("amx_bf16", "avx512_bf16") if capabilities.get(name)), "")
