"""Execute an encoder's file: TorchScript by torch, ONNX by onnxruntime. Each is imported where it is needed."""

import io
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fmagc.embeddings.encoder_file import format_of
from fmagc.errors import SettingsError
from fmagc.runtime.onnx_session import message_of, open_session

__all__ = ["Execute", "libraries", "load_encoder"]

Execute = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def libraries(content: bytes) -> tuple[str, ...]:
    """Name the packages whose versions decide what a file computes."""
    return ("torch",) if format_of(content) == "torchscript" else ("onnxruntime",)


def load_encoder(content: bytes, *, path: str, threads: int) -> Execute:
    """Load an encoder for its one input and its one output, on the GPU where there is one that its runtime can use.

    Parameters
    ----------
    content : bytes
        Of its file. It is executed: the caller has compared its digest (`encoder_file.read_file`).
    path : str
        Of the file, for messages.
    threads : int
        Of the arithmetic on a CPU: another number sums in another order.

    Raises
    ------
    SettingsError
        When the runtime cannot load it, or it has another number of inputs or outputs.
    """
    load = _torchscript if format_of(content) == "torchscript" else _onnx
    return load(content, path, threads)


def _torchscript(content: bytes, path: str, threads: int) -> Execute:
    import torch

    from fmagc.devices.device import prepare

    device = prepare("float32", threads=threads, seed=0).device
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the format is old, and what models come in
            module = torch.jit.load(io.BytesIO(content), map_location=device).eval()  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise _unreadable(path, "a module saved by torch.jit.save", message_of(error)) from None

    def execute(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        # the optimising executor would compute the first calls in another way than the later ones
        with torch.inference_mode(), torch.jit.optimized_execution(False):  # type: ignore[attr-defined]
            vectors = module(torch.from_numpy(windows).to(device))
        if not isinstance(vectors, torch.Tensor):
            raise TypeError(f"expected one tensor, found {type(vectors).__name__}")
        _require_real(vectors.dtype)
        return vectors.float().cpu().numpy()

    return execute


def _onnx(content: bytes, path: str, threads: int) -> Execute:
    try:
        session = open_session(content, threads=threads, providers=("CUDAExecutionProvider", "CPUExecutionProvider"))
    except ValueError as error:
        raise _unreadable(path, "an ONNX model", str(error)) from None
    inputs, outputs = session.get_inputs(), session.get_outputs()
    for what, found in (("input", inputs), ("output", outputs)):
        if len(found) != 1:
            names = ", ".join(node.name for node in found)
            raise SettingsError(f"{path}: expected one {what}, found {len(found)} ({names}): export a module of one")

    def execute(windows: NDArray[np.float32]) -> NDArray[np.float32]:
        (vectors,) = session.run(None, {inputs[0].name: windows})
        values = np.asarray(vectors)
        _require_real(values.dtype)
        return values.astype(np.float32)

    return execute


def _require_real(dtype: object) -> None:
    if "complex" in str(dtype):  # a conversion would drop the imaginary part
        raise TypeError(f"expected real values, found {dtype}: return their magnitude, or both parts as values")


def _unreadable(path: str, expected: str, said: str) -> SettingsError:
    return SettingsError(f"{path}: expected {expected}, found that it cannot be loaded: {said}")
