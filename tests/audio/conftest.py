"""One MP3 for all tests of a file's decoding."""

import pytest

from tests.support.audio_files import (
    CLIP,
    mp3,
    music,
)


@pytest.fixture(scope="package")
def song() -> bytes:
    return mp3(music(CLIP))
