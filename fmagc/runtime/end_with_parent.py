"""Tie the server that forks workers to the process that starts it, which imports this module there and nowhere else.

Without this, a server that was stopped would outlive its parent.
"""

import ctypes
import os
import signal

__all__ = ["VARIABLE"]

VARIABLE = "FMAGC_POOL"  # in the server's environment: the process that started it

if os.environ.get(VARIABLE) == str(os.getppid()) and hasattr(ctypes.CDLL(None), "prctl"):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
