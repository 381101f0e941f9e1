"""Set up the server that forks workers, which imports this module there and nowhere else.

It ends with the process that starts it: a server that was stopped would outlive its parent. And it does once what each
of its workers would otherwise do for itself, such as compiling; a worker gets the result when it is forked.
"""

import base64
import ctypes
import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress

__all__ = ["environment"]

_PARENT = "FMAGC_POOL"  # in the server's environment: the process that started it
_PREPARATION = "FMAGC_PREPARATION"  # and a pickled function, in base64


def environment(prepare: Callable[[], object]) -> dict[str, str]:
    """Return the variables of a server that is to call a function before it forks the first worker."""
    return {_PARENT: str(os.getpid()), _PREPARATION: base64.b64encode(pickle.dumps(prepare)).decode()}


def _set_up() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    with suppress(Exception):  # a worker that calls the same function reports what it raises
        pickle.loads(base64.b64decode(os.environ[_PREPARATION]))()  # noqa: S301 - from the parent


if os.environ.get(_PARENT) == str(os.getppid()):
    _set_up()
