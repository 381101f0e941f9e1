"""The decoders of MP3s, for tests that run with each of them."""

import pytest

from fmagc.audio.libmpg123 import libmpg123
from fmagc.errors import SettingsError

__all__ = ["DECODERS", "needs_libmpg123"]


def _is_installed() -> bool:
    try:
        libmpg123()
    except SettingsError:
        return False
    return True


needs_libmpg123 = pytest.mark.skipif(not _is_installed(), reason="needs libmpg123")
DECODERS = ("soundfile", pytest.param("mpg123", marks=needs_libmpg123))
