"""The processes that share one network, a device each: which clips each has, and how they exchange values.

`torchrun` starts them and Fabric connects them. Every decision that ends a loop is taken from numbers that all have, so
that none waits for one that has left.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from fmagc.errors import DataError

__all__ = ["ALL", "Processes", "Share"]

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """The part of the clips that belongs to a process.

    Attributes
    ----------
    rank : int
        Of the process, from 0.
    of : int
        How many there are.
    """

    rank: int
    of: int

    def shard_batch(self, places: NDArray[Any]) -> NDArray[Any]:
        """Return this process's part of a batch: the parts differ in length by one at most, and may be empty."""
        return np.array_split(places, self.of)[self.rank]

    def shard_batches(self, batches: Sequence[T]) -> Iterator[T | None]:
        """Yield this process's batch of each turn, or None when none is left: all processes have the same turns."""
        for turn in range(0, len(batches), self.of):
            yield batches[turn + self.rank] if turn + self.rank < len(batches) else None


ALL = Share(rank=0, of=1)


class Processes:
    """The distributed process group. With a single process every collective returns its input.

    Parameters
    ----------
    share : Share
        Of this process.
    device : torch.device
        Whose tensors they exchange.

    Raises
    ------
    DataError
        By every method, when another process has ended.
    """

    def __init__(self, share: Share, *, device: torch.device) -> None:
        self._device = device
        self.share = share

    @property
    def is_rank_zero(self) -> bool:
        """True in the process that writes files."""
        return self.share.rank == 0

    def broadcast_object(self, make: Callable[[], T]) -> T:
        """Call a function in rank zero, and return its result in every process."""
        if self.share.of == 1:
            return make()
        made: list[Any] = [make() if self.is_rank_zero else None]
        with self._connected():
            distributed.broadcast_object_list(made, src=0)
        result: T = made[0]
        return result

    def all_gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order."""
        if self.share.of == 1:
            return [value]
        values: list[Any] = [None] * self.share.of
        with self._connected():
            distributed.all_gather_object(values, value)
        return values

    def all_reduce_max(self, number: int) -> int:
        """Return the highest number that a process has."""
        if self.share.of == 1:
            return number
        highest = torch.tensor(number, device=self._device)
        with self._connected():
            distributed.all_reduce(highest, distributed.ReduceOp.MAX)
        return int(highest.item())

    def average(self, tensors: Sequence[Tensor], *, weight: int) -> int:
        """Replace tensors by their weighted means over all processes, in one message.

        The gradients of a network are a few megabytes, so nothing is won by sending them while others are still
        computed, as DistributedDataParallel does; it also has no place for a process without clips.

        Parameters
        ----------
        tensors : sequence of Tensor of float32
            In every process the same shapes.
        weight : int
            Of this process; 0 where its tensors are zeros.

        Returns
        -------
        int
            The sum of the weights.
        """
        if self.share.of == 1:
            return weight
        flat = torch.cat([tensor.flatten() for tensor in tensors] + [torch.ones(1, device=self._device)])
        flat *= weight
        with self._connected():
            distributed.all_reduce(flat)
        means = torch.split(flat[:-1] / flat[-1], [tensor.numel() for tensor in tensors])
        for tensor, mean in zip(tensors, means, strict=True):
            tensor.copy_(mean.view(tensor.shape))
        return int(flat[-1].item())

    def broadcast_(self, tensors: Iterable[Tensor]) -> None:
        """Copy the tensors of rank zero into those of every process."""
        if self.share.of > 1:
            tensors = list(tensors)
            values = self.broadcast_object(lambda: [tensor.detach().cpu() for tensor in tensors])
            for tensor, value in zip(tensors, values, strict=True):
                tensor.detach().copy_(value)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:
            first_line = str(error).strip().splitlines()[0]
            raise DataError(
                f"process {self.share.rank} of {self.share.of}: expected an answer of all others, found one that has "
                f"ended ({first_line}): its own message says why"
            ) from error
