"""Open ONNX files with onnxruntime, which is imported when the first is opened."""

import os
from importlib.util import find_spec
from typing import Any

__all__ = ["INSTALL", "is_installed", "message_of", "open_session"]

INSTALL = "`pip install -c constraints.txt -e '.[export]'`"  # what brings onnxruntime

_SHOWN = 300  # characters of a runtime's message, its end: before it a runtime may list its code

# a folder that holds none: weights in a second file are not covered by a digest, and so refused
_WEIGHTS_ELSEWHERE = "session.model_external_initializers_file_folder_path"


def is_installed() -> bool:
    """Tell whether onnxruntime is there, without importing it."""
    return find_spec("onnxruntime") is not None


def open_session(content: bytes, *, threads: int, providers: tuple[str, ...] = ("CPUExecutionProvider",)) -> Any:
    """Load an ONNX model for execution.

    Parameters
    ----------
    content : bytes
        Of its file. It is executed: the caller has compared its digest.
    threads : int
        Of the arithmetic on a CPU: another number sums in another order.
    providers : tuple of str
        Names of onnxruntime's execution providers, the preferred one first; those that are not there are left out.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    ValueError
        When onnxruntime refuses it, with what it said.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 4  # what it refuses is an exception, which says it once more
    options.add_session_config_entry(_WEIGHTS_ELSEWHERE, os.devnull)
    there = onnxruntime.get_available_providers()
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=[provider for provider in providers if provider in there]
        )
    except Exception as error:  # its exceptions have no base of their own
        raise ValueError(message_of(error)) from None


def message_of(error: Exception) -> str:
    """Return what a runtime said, on one line and not too long."""
    said = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {said if len(said) <= _SHOWN else f'...{said[-_SHOWN:]}'}"
