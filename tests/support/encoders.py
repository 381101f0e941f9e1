"""Small encoders of the tests' own, as TorchScript and ONNX files, and what they should give."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.params.encoders import Encoder

N_VALUES = 6
KERNEL = 64

Array = NDArray[np.float32]


def weights() -> Array:
    """Return the filters of the encoders [shape=(N_VALUES, 1, KERNEL)]."""
    return np.random.default_rng(1).normal(size=(N_VALUES, 1, KERNEL)).astype(np.float32)


def expected(windows: NDArray[Any]) -> NDArray[np.float64]:
    """Compute in float64 what the encoders give for windows [shape=(N, samples)]: mean squares of filtered signals."""
    filters = weights().astype(np.float64)[:, 0]
    framed = np.lib.stride_tricks.sliding_window_view(windows.astype(np.float64), KERNEL, axis=-1)[:, ::KERNEL]
    return ((framed @ filters.T) ** 2).mean(axis=1)


def save_torchscript(
    path: Path, change: Callable[[Any, Any], Any] | None = None, *, n_channels_in: int = 0, is_mel: bool = False
) -> Path:
    """Save an encoder of (B, samples), or with a channel of (B, 1, samples); `change` is applied to (input, output).

    One of (B, frames, bands) has the input alone.
    """
    torch = pytest.importorskip("torch")

    class Bank(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv1d(1, N_VALUES, KERNEL, stride=KERNEL, bias=False)
            self.conv.weight = torch.nn.Parameter(torch.from_numpy(weights()), requires_grad=False)

        def forward(self, y: Any) -> Any:
            if is_mel:
                return change and change(y, None)
            given = y if n_channels_in else y[:, None]
            vectors = (self.conv(given) ** 2).mean(-1)
            return vectors if change is None else change(y, vectors)

    example = torch.zeros(2, 20, 32) if is_mel else torch.zeros(2, *([1] if n_channels_in else []), 4096)
    torch.jit.trace(Bank().eval(), example, check_trace=False).save(path)
    return path


def save_onnx(path: Path, *, shape: list[Any], outputs: int = 1, weights_in: str = "") -> Path:
    """Save the same encoder as ONNX, for an input of this shape: (B, samples), (B, 1, samples) or (samples,)."""
    onnx = pytest.importorskip("onnx")
    helper, tensor = onnx.helper, onnx.TensorProto
    nodes = [
        helper.make_node("Reshape", ["y", "to"], ["x"]),
        helper.make_node("Conv", ["x", "w"], ["c"], strides=[KERNEL]),
        helper.make_node("Mul", ["c", "c"], ["s"]),
        helper.make_node("ReduceMean", ["s", "axes"], ["v"], keepdims=0),
    ]
    constants = [
        onnx.numpy_helper.from_array(weights(), "w"),
        onnx.numpy_helper.from_array(np.array([1, 1, -1] if len(shape) == 1 else [0, 1, -1], dtype=np.int64), "to"),
        onnx.numpy_helper.from_array(np.array([-1], dtype=np.int64), "axes"),
    ]
    if len(shape) == 3:  # its batch stays, and so do channel and samples
        constants[1] = onnx.numpy_helper.from_array(np.array([0, 0, -1], dtype=np.int64), "to")
    graph = helper.make_graph(
        nodes,
        "bank",
        [helper.make_tensor_value_info("y", tensor.FLOAT, shape)],
        [helper.make_tensor_value_info(name, tensor.FLOAT, None) for name in ("v", "s")[:outputs]],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    elsewhere = {"save_as_external_data": True, "location": weights_in, "size_threshold": 500} if weights_in else {}
    onnx.save(model, path, **elsewhere)
    return path


def settings(path: Path, **changed: Any) -> Encoder:
    """Return the settings of an encoder's file."""
    own: dict[str, Any] = {
        "path": str(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "input": "waveform",
        "sample_rate": None,
        "seconds": 0.2,
        "batch_size": 4,
        "C": [0.01, 1.0],
    }
    return Encoder.model_validate(own | changed)
