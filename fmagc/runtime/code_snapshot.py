"""The source code that makes an artifact, as it was when the work began."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fmagc.runtime.files import digest
from fmagc.runtime.import_closure import PACKAGE, import_closure

__all__ = ["CodeSnapshot"]


class CodeSnapshot:
    """The digests of all files that some functions import, directly or through one another.

    Parameters
    ----------
    *makers : callable
        The functions and classes that decide the bytes of an artifact; the files that define them are the roots.
    """

    def __init__(self, *makers: Callable[..., Any]) -> None:
        roots = {Path(inspect.getfile(maker)).resolve() for maker in makers}
        self._digests = {file: digest(file.read_bytes()) for file in import_closure(*roots)}

    def digests(self) -> dict[str, str]:
        """Return the digest of each file by its module's name."""
        return {_module_name(file): found for file, found in sorted(self._digests.items())}

    def changed(self) -> list[str]:
        """Name the modules whose files have changed since."""
        return sorted(
            _module_name(file)
            for file, before in self._digests.items()
            if not file.is_file() or digest(file.read_bytes()) != before
        )


def _module_name(file: Path) -> str:
    place = file.relative_to(PACKAGE.parent) if file.is_relative_to(PACKAGE.parent) else Path(file.name)
    return ".".join(place.with_suffix("").parts)
