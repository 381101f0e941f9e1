"""The file of an encoder, looked at before any of it is executed: TorchScript and ONNX are programs."""

import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from fmagc.errors import SettingsError
from fmagc.params.encoders import Encoder
from fmagc.runtime.files import file_sha256

__all__ = ["file_faults", "format_of", "require_file"]


def file_faults(name: str, settings: Encoder) -> Iterator[str]:
    """Describe what keeps the file of an encoder from being executed, a line each.

    Parameters
    ----------
    name : str
        Its key in ``encoders``.
    settings : Encoder
    """
    path = Path(settings.path)
    if not path.is_file():
        there = "something else there" if path.exists() else "nothing there"
        yield f"encoders.{name}.path: expected a TorchScript or ONNX file at {path}, found {there}"
        return
    found = file_sha256(path)
    if settings.sha256 is None:
        yield (
            f"encoders.{name}.sha256: expected the digest of the file that may be executed, found null; if you trust "
            f"{path}, write {found}"
        )
    elif found != settings.sha256:
        yield (
            f"encoders.{name}.sha256: expected {settings.sha256} of {path}, found {found}; restore the file, or write "
            "the new digest if you trust it"
        )
    if format_of(path) == "onnx" and find_spec("onnxruntime") is None:
        yield (
            f"encoders.{name}.path: expected onnxruntime to be installed for {path}, found it missing: "
            "`pip install -c constraints.txt -e '.[onnx]'`"
        )


def require_file(name: str, settings: Encoder) -> Path:
    """Return the path of an encoder's file; raise SettingsError unless it may be executed."""
    faults = list(file_faults(name, settings))
    if faults:
        raise SettingsError("; ".join(faults))
    return Path(settings.path)


def format_of(path: Path) -> Literal["torchscript", "onnx"]:
    """Tell the two formats apart by the content: TorchScript is a zip archive."""
    return "torchscript" if zipfile.is_zipfile(path) else "onnx"
