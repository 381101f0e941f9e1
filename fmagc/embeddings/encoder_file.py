"""The file of an encoder, looked at before any of it is executed: TorchScript and ONNX are programs."""

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fmagc.errors import SettingsError
from fmagc.params.encoders import Encoder
from fmagc.runtime.onnx_session import INSTALL, is_installed

__all__ = ["file_faults", "format_of", "read_file"]


def file_faults(name: str, settings: Encoder) -> list[str]:
    """Describe what keeps the file of an encoder from being executed, a line each.

    Parameters
    ----------
    name : str
        Its key in ``encoders``.
    settings : Encoder
    """
    return _read(name, settings)[1]


def read_file(name: str, settings: Encoder) -> bytes:
    """Read the file of an encoder: the very bytes that were compared with its digest, so that no others are executed.

    Raises
    ------
    SettingsError
        When it may not be executed.
    """
    content, faults = _read(name, settings)
    if faults:
        raise SettingsError("; ".join(faults))
    return content


def format_of(content: bytes) -> Literal["torchscript", "onnx"]:
    """Tell the two formats apart by the content: TorchScript is a zip archive."""
    return "torchscript" if zipfile.is_zipfile(io.BytesIO(content)) else "onnx"


def _read(name: str, settings: Encoder) -> tuple[bytes, list[str]]:
    path = Path(settings.path)
    if path.is_file():
        content = path.read_bytes()
        return content, list(_content_faults(name, settings, content))
    found = "something else there" if path.exists() else "nothing there"
    return b"", [f"encoders.{name}.path: expected a TorchScript or ONNX file at {path}, found {found}"]


def _content_faults(name: str, settings: Encoder, content: bytes) -> Iterator[str]:
    path, found = settings.path, hashlib.sha256(content).hexdigest()
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
    if format_of(content) == "onnx" and not is_installed():
        yield (f"encoders.{name}.path: expected onnxruntime to be installed for {path}, found it missing: {INSTALL}")
