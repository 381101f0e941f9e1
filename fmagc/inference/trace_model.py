"""Trace a model on a clip of zeros to list its modules, connections, output shapes and parameter counts."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from inspect import getdoc
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from fmagc.models.build import build, count_parameters
from fmagc.models.registry import MODELS
from fmagc.params.signal import n_frames

__all__ = ["Diagram", "Part", "trace_model"]

Edges = list[tuple[str, str]]


@dataclass(frozen=True)
class Part:
    """An input or a module: its name or class as title, then its layers, output shape and number of parameters."""

    title: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True)
class Diagram:
    """The parts of a network and their connections.

    Attributes
    ----------
    parts : dict of str to Part
        By the names of views and modules, in the order in which they are used.
    edges : list of (str, str)
        From a view or module to a module that reads its output.
    """

    parts: dict[str, Part]
    edges: Edges


class _Marked(Tensor):
    """A tensor that knows from which parts its content comes, through whatever functions it went."""

    sources: frozenset[str]

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[no-untyped-call]
        sources = _sources([args, list((kwargs or {}).values())])
        for tensor in _tensors(result):
            if isinstance(tensor, cls):
                tensor.sources = sources
        return result


def trace_model(architecture: Mapping[str, Any]) -> Diagram:
    """Trace the inputs and the parts of a network in the order in which they are used.

    A part is a module of a class of its own that is made of torch's layers; a module that contains parts is opened.

    Parameters
    ----------
    architecture : mapping of str to Any
        The keyword arguments of `models.build.build`.

    Returns
    -------
    Diagram
    """
    network = build(**architecture).eval()
    samples, hop_length = architecture["clip_samples"], architecture["hop_length"]
    # real numbers: for meta tensors, which have none, torch imports its compiler, and that takes longer than the clip
    clip = {
        "waveform": torch.zeros(1, samples),
        "mel": torch.zeros(1, n_frames(samples, hop_length=hop_length), architecture["n_mels"]),
    }
    views = {name: _marked(clip[name], {name}) for name in MODELS[architecture["name"]].inputs}
    parts = {name: Part(name, (f"input: {_shape(view)}",)) for name, view in views.items()}
    edges: Edges = []
    with torch.no_grad(), ExitStack() as hooks:
        for name, part in _parts(network):
            handle = part.register_forward_hook(partial(_record, name=name, parts=parts, edges=edges))
            hooks.callback(handle.remove)
        network(views)
    return Diagram(parts, edges)


def _record(
    part: nn.Module,
    inputs: tuple[Any, ...],
    output: Tensor,
    *,
    name: str,
    parts: dict[str, Part],
    edges: Edges,
) -> Tensor:
    edges += [(source, name) for source in sorted(_sources(inputs))]
    shape = f"output: {_shape(output)}"
    if n_parameters := count_parameters(part):
        shape += f"; {n_parameters:,} parameters"
    parts[name] = Part(type(part).__name__, (name, *_layers(part), shape))
    return _marked(output, {name})


def _parts(module: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    """List the modules that are parts: of a class of their own, at most two levels deep, that do something."""
    for child_name, child in module.named_children():
        if isinstance(child, nn.Identity):
            continue
        full = f"{name}.{child_name}" if name else child_name
        if type(child) is nn.Sequential or _depth(child) > 2:
            yield from _parts(child, full)
        else:
            yield full, child


def _depth(module: nn.Module) -> int:
    """Count the levels of modules below one; torch's own layers are not opened, whatever they are made of."""
    if _is_layer(module):
        return 0
    return max((1 + _depth(child) for child in module.children()), default=0)


def _is_layer(module: nn.Module) -> bool:
    return type(module).__module__.startswith("torch.") and not isinstance(module, nn.Sequential)


def _layers(part: nn.Module) -> list[str]:
    """Describe the layers of a part, a line for each of its branches; of a part without layers, quote its docstring."""
    if _depth(part) == 0:
        return [_layer(part) if _is_layer(part) else f"{(getdoc(type(part)) or '').partition(':')[0]}"]
    lines: list[str] = []
    for is_branch, children in groupby(part.named_children(), key=lambda named: _depth(named[1]) > 0):
        if is_branch:
            lines += [f"{name}: {', '.join(map(_layer, child.children()))}" for name, child in children]
        else:
            lines.append(", ".join(_layer(child) for _, child in children))
    return lines


def _layer(layer: nn.Module) -> str:
    """Describe one of torch's layers, without a place to break the line; an unknown one by its class."""
    return _sizes(layer).replace(" ", "\N{NO-BREAK SPACE}").replace(",\N{NO-BREAK SPACE}", ", ")


def _sizes(layer: nn.Module) -> str:
    match layer:
        case nn.Conv1d() | nn.Conv2d():
            name = "Conv1d" if isinstance(layer, nn.Conv1d) else "Conv2d"
            kernel, stride = _times(layer.kernel_size), _times(layer.stride)
            strided = "" if set(layer.stride) == {1} else f", stride {stride}"
            return f"{name} {layer.in_channels} to {layer.out_channels}, kernel {kernel}{strided}"
        case nn.AvgPool1d():
            return f"AvgPool {_times(layer.kernel_size)}"
        case nn.TransformerEncoderLayer():
            heads, hidden = layer.self_attn.num_heads, layer.linear1
            return f"TransformerEncoderLayer {hidden.in_features}, {heads} heads, hidden {hidden.out_features}"
        case nn.MaxPool1d() | nn.MaxPool2d():
            return f"MaxPool {_times(layer.kernel_size)}"
        case nn.Linear():
            return f"Linear {layer.in_features} to {layer.out_features}"
        case nn.LSTM():
            return f"LSTM {layer.input_size} to {layer.hidden_size}"
        case nn.Dropout():
            return f"Dropout {layer.p:g}"
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return "BatchNorm"
    return type(layer).__name__


def _times(size: int | tuple[int, ...]) -> str:
    sizes = (size,) if isinstance(size, int) else size
    return " x ".join(map(str, sizes))


def _shape(tensor: Tensor) -> str:
    """Write a shape without that of the batch."""
    return " x ".join(f"{n:,}" for n in tensor.shape[1:])


def _marked(tensor: Tensor, sources: set[str]) -> _Marked:
    marked = tensor.as_subclass(_Marked)
    marked.sources = frozenset(sources)
    return marked


def _sources(values: Any) -> frozenset[str]:
    return frozenset().union(*(tensor.sources for tensor in _tensors(values) if isinstance(tensor, _Marked)))


def _tensors(values: Any) -> Iterator[Tensor]:
    """Find the tensors in nested lists and tuples."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, Iterable) and not isinstance(values, str):
        for value in values:
            yield from _tensors(value)
