"""Named tensors as bytes and back: safetensors, never a pickle, and nothing taken over that was not expected."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from fmagc.errors import DataError, format_list

__all__ = ["pack", "unpack"]


def pack(tensors: Mapping[str, Tensor]) -> bytes:
    """Write tensors as safetensors: same values, same bytes, wherever they lie and in whatever layout."""
    return save({name: value.detach().cpu().contiguous() for name, value in tensors.items()})


def unpack(data: bytes, *, like: Mapping[str, Tensor], path: Path, remedy: str) -> dict[str, Tensor]:
    """Read what `pack` wrote.

    Parameters
    ----------
    data : bytes
    like : mapping of str to Tensor
        The names, shapes and types that must be there, and no others.
    path : Path
        Where the bytes come from, for the message.
    remedy : str
        What to do when they are something else, for the message.

    Raises
    ------
    DataError
        When the bytes are no safetensors, or hold other tensors.
    """
    try:
        found = load(data)
    except SafetensorError as error:
        raise DataError(f"{path}: expected safetensors, found something else ({error}): {remedy}") from None
    faults = [f"{name} is missing" for name in like if name not in found]
    faults += [f"{name} is too many" for name in found if name not in like]
    faults += [
        f"{name} is {_kind(found[name])} in place of {_kind(value)}"
        for name, value in like.items()
        if name in found and _kind(found[name]) != _kind(value)
    ]
    if faults:
        raise DataError(f"{path}: expected the tensors of another network, found that {format_list(faults)}: {remedy}")
    return found


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"
