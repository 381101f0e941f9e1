"""Two songs for both decoders of MP3s, and what libmpg123 is asked while it decodes."""

import re
from typing import Any

import pytest

from fmagc.audio.libmpg123 import libmpg123
from tests.support.audio_files import mp3, music

N = 3 * 44100
SONG = mp3(music(N))
VBR = mp3(music(N), mode="VARIABLE")


def without_places(text: str) -> str:
    """Leave out where in its source libmpg123 speaks from, which depends on its version."""
    return re.sub(r"\[[^]]*libmpg123/[^]]*\]", "", text)


class Count:
    """The decoders that were made and deleted, and for each whether it mixes."""

    def __init__(self) -> None:
        self.made = self.deleted = 0
        self.flags: list[bool] = []


def count_decoders(monkeypatch: pytest.MonkeyPatch) -> Count:
    calls, count = libmpg123().calls, Count()
    new, delete, param = calls.mpg123_new, calls.mpg123_delete, calls.mpg123_param

    def counted_new(*arguments: Any) -> Any:
        count.made += 1
        return new(*arguments)

    def counted_delete(*arguments: Any) -> None:
        count.deleted += 1
        delete(*arguments)

    def noted_param(handle: Any, key: int, value: int, number: float) -> Any:
        if key == 2:
            count.flags.append(bool(value & 4))
        return param(handle, key, value, number)

    for name, function in (("new", counted_new), ("delete", counted_delete), ("param", noted_param)):
        monkeypatch.setattr(calls, f"mpg123_{name}", function)
    return count
