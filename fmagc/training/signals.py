"""Graceful shutdown: on SIGINT or SIGTERM, finish the current batch, save a checkpoint and exit."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

from fmagc.errors import FmagcError

__all__ = ["Interrupted", "Interrupts"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(FmagcError):  # noqa: N818 - a request of the user, not an error of the program
    """A run stopped in good order after a signal.

    Parameters
    ----------
    received : signal.Signals
        Decides the exit status: 130 for SIGINT, 143 for SIGTERM, as a shell has them.
    where : str
        Epoch and batch, in words.
    """

    def __init__(self, received: signal.Signals, where: str) -> None:
        super().__init__(f"stopped by {received.name} {where}; all is saved: run `dvc repro` again to go on from there")
        self.exit_status = 128 + received


class Interrupts:
    """Records the first signal; a second one ends the process at once, as without a handler.

    Attributes
    ----------
    received : signal.Signals or None
        The signal, once there was one.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # stays ignored where the caller ignores it
                self._before[number] = signal.signal(number, self._record)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
