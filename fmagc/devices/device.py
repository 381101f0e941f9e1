"""Choose the devices of this machine, and the precision that is fastest on them."""

import ctypes
import logging
import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from fmagc.devices.process_group import ALL, Processes, Share
from fmagc.errors import SettingsError

__all__ = ["Hardware", "prepare"]

Precision = Literal["auto", "float32", "bfloat16"]


class Hardware:
    """A device for networks, and the precision of their products.

    Parameters
    ----------
    device : torch.device
        Of this process.
    share : Share
        Of the clips, for this process.
    precision : str
        ``float32``, or ``bfloat16`` for mixed precision: weights stay float32.
    reason : str
        Why this precision.
    seed : int
        Of dropout, in the processes that keep no state of their own.

    Attributes
    ----------
    device : torch.device
        Of this process.
    processes : Processes
        Those that share the work.
    """

    def __init__(self, device: torch.device, share: Share, *, precision: str, reason: str, seed: int) -> None:
        self._seed = seed
        self.device = device
        self.precision = precision
        self.reason = reason
        self.processes = Processes(share, device=device)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which the forward pass runs."""
        mixed = self.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if mixed else nullcontext()

    def setup_model(self, model: nn.Module) -> None:
        """Move a network there, its images channels last: the layout that convolutions are fastest on.

        On several GPUs, BatchNorm takes its statistics over the clips of all of them. On CPUs torch has no such form:
        there each process takes those of its own clips.
        """
        if self._synchronises:
            nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        model.to(self.device)
        for parameter in model.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def require_clips(self, n_clips: int) -> None:
        """Raise SettingsError if a batch has no clip for one of the GPUs: SyncBatchNorm would deadlock."""
        if self._synchronises and n_clips < self.processes.share.of:
            raise SettingsError(
                f"train.batch_size: expected a clip for each of {self.processes.share.of} GPUs in every batch, found "
                f"batches of {n_clips}: raise it, or start fewer processes (run.launcher)"
            )

    @property
    def _synchronises(self) -> bool:
        return self.device.type == "cuda" and self.processes.share.of > 1

    def seed_batch(self, epoch: int, batch: int) -> None:
        """Seed dropout in all ranks but zero from the position of the loop, since no checkpoint holds their state.

        The masks of a batch then differ between the processes, and those of rank zero are drawn as if it were alone.
        """
        rank = self.processes.share.rank
        if rank:
            torch.manual_seed(int(np.random.SeedSequence([self._seed, rank, epoch, batch]).generate_state(1)[0]))

    def described(self) -> dict[str, Any]:
        """Describe device and precision for a reader of results, without anything that names the machine."""
        return {
            "device": self.device.type,
            "processes": self.processes.share.of,
            "precision_reason": self.reason,
            "layout": "channels_last",
        }

    def __str__(self) -> str:
        n = self.processes.share.of
        devices = self.device.type if n == 1 else f"{n} processes, {self.device.type}"
        return f"{devices}, {self.precision} ({self.reason}), channels last"


def prepare(precision: Precision, *, threads: int, seed: int) -> Hardware:
    """Choose device and precision, join the other processes, and make what follows repeatable.

    Where `torchrun` has started this process as one of several, each takes the GPU of its local rank, or the CPU.

    Parameters
    ----------
    precision : str
        ``auto`` takes bfloat16 where the machine has matrix units for it, since elsewhere it is emulated and slower.
    threads : int
        Of the CPU's arithmetic, in each process: another number sums in another order.
    seed : int
        Of the weights' initial values and of dropout.
    """
    _keep_memory()
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    # use_deterministic_algorithms says the same, but imports torch's compiler, for seconds
    torch.set_deterministic_debug_mode("warn")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it is written before it is read
    accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    units = _bfloat16_units(accelerator)
    if precision != "auto":
        chosen, reason = str(precision), "train.precision"
    elif units:
        chosen, reason = "bfloat16", f"auto: the machine has {units}"
    else:
        chosen, reason = "float32", "auto: no bfloat16 matrix units found"
    several = "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ["WORLD_SIZE"]) > 1
    device, share = _join(accelerator) if several else (_first(accelerator), ALL)
    return Hardware(device, share, precision=chosen, reason=reason, seed=seed)


def _keep_memory() -> None:
    """Ask glibc to keep what is freed.

    By default it returns a block as large as a layer's output to the system, and gets it back, zeroed page by page, for
    the next one: thousands of page faults per step.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "gnu_get_libc_version"):
        libc.mallopt(-4, 0)  # M_MMAP_MAX: no block is a mapping of its own
        libc.mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD: the heap does not shrink


def _first(accelerator: str) -> torch.device:
    device = torch.device(accelerator, 0) if accelerator == "cuda" else torch.device(accelerator)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    return device


def _join(accelerator: str) -> tuple[torch.device, Share]:
    """Connect this process with the others that `torchrun` has started."""
    # it imports torch's compiler, which takes longer than all the rest: a process alone needs neither
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    for name in ("lightning_fabric", "lightning_utilities"):  # the stage prints what they log in one line
        logging.getLogger(name).setLevel(logging.WARNING)
    n_local = int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(
        accelerator=accelerator,
        devices=n_local,
        num_nodes=int(os.environ["WORLD_SIZE"]) // n_local,
        strategy="ddp",
        # named, since a batch job of SLURM looks to Fabric as if srun had started this process as one of many
        plugins=[TorchElasticEnvironment()],
    )
    fabric.launch()
    return fabric.device, Share(rank=fabric.global_rank, of=fabric.world_size)


def _bfloat16_units(accelerator: str) -> str:
    if accelerator == "cuda":
        return "bfloat16 tensor cores" if torch.cuda.is_bf16_supported(including_emulation=False) else ""
    capabilities = torch.cpu.get_capabilities()
    return next((name for name in ("amx_bf16", "avx512_bf16") if capabilities.get(name)), "")
