"""The library libmpg123: its rejections and messages, in workers and forks, and where it is missing."""

import ctypes
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.audio import libmpg123 as module
from fmagc.audio.decode import Decoded
from fmagc.audio.libmpg123 import libmpg123, read_mp3
from fmagc.audio.validate import open_source
from fmagc.errors import Reason, RejectedTrack, SettingsError
from fmagc.runtime.worker_pool import map_isolated
from tests.support.audio_files import decode_bytes, id3, mp3, music, without_header_frame
from tests.support.dag import ROOT
from tests.support.decoders import needs_libmpg123
from tests.support.libmpg123 import SONG, VBR, N, count_decoders, without_places
from tests.support.mutations import frames_of

pytestmark = needs_libmpg123


def outcome(data: bytes, folder: Path, decoder: str) -> Decoded | RejectedTrack:
    try:
        return decode_bytes(data, folder, min_samples=1, decoder=decoder)
    except RejectedTrack as rejection:
        return rejection


DAMAGED = {
    "cut": (SONG[: len(SONG) // 2], Reason.TRUNCATED),
    "cut, variable rate": (VBR[: len(VBR) * 9 // 10], Reason.TRUNCATED),
    "another rate behind it": (
        without_header_frame(SONG) + mp3(music(22050, sr=22050), sr=22050),
        Reason.DECODE_ERROR,
    ),
    "mono behind it": (without_header_frame(SONG) + mp3(music(44100, channels=1)), Reason.DECODE_ERROR),
    "a large hole": (SONG[:20_000] + bytes(10_000) + SONG[30_000:], Reason.DECODE_ERROR),
    "tags alone": (id3(2000), Reason.NO_AUDIO),
    "a page": (b"<html>404</html>" * 99, Reason.NOT_MP3),
    "layer II": ((b"\xff\xfd\xa0\x00" + bytes(622)) * 50, Reason.NOT_MP3),
    "free format": ((b"\xff\xfb\x00\x00" + bytes(413)) * 50, Reason.DECODE_ERROR),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_libsndfile_rejects_is_rejected_for_the_same_reason(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    count = count_decoders(monkeypatch)
    data, reason = DAMAGED[kind]
    for decoder in ("soundfile", "mpg123"):
        rejection = outcome(data, tmp_path, decoder)
        assert isinstance(rejection, RejectedTrack)
        assert rejection.reason == reason
    assert capfd.readouterr().err == ""
    assert count.made == count.deleted


def test_messages_are_kept_and_not_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    damaged, frame = bytearray(SONG), frames_of(SONG)[100].start
    damaged[frame + 4 : frame + 36] = b"\xff" * 32  # side information that no encoder writes
    found, expected = (outcome(bytes(damaged), tmp_path, decoder) for decoder in ("mpg123", "soundfile"))
    assert isinstance(found, Decoded)
    assert isinstance(expected, Decoded)
    assert found.flags == expected.flags == ("warned",)
    assert "libmpg123" in found.detail
    assert without_places(found.detail) == without_places(expected.detail)
    os.write(2, b"back in place")
    assert capfd.readouterr().err == "back in place"


def samples_of(path: Path) -> bytes:
    with open_source(path, expected_sha1=None, listed_sha1="") as source:
        return read_mp3(source, max_seconds=30.0, whole=False).excerpts[0].tobytes()


def test_workers_and_forks_decode_the_same(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    path.write_bytes(SONG)
    here = samples_of(path)
    assert [found.result == here for found in map_isolated(samples_of, [path] * 4, timeout_s=60, workers=2)] == [
        True
    ] * 4
    child = os.fork()  # of a process in which the library is loaded and has decoded
    if child == 0:
        os._exit(0 if samples_of(path) == here else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_two_decoders_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    paths = [tmp_path / "0.mp3", tmp_path / "1.mp3"]
    for path, data in zip(paths, (SONG, VBR), strict=True):
        path.write_bytes(data)
    parts: list[list[NDArray[np.float32]]] = [[], []]
    with (
        open_source(paths[0], expected_sha1=None, listed_sha1="") as first,
        open_source(paths[1], expected_sha1=None, listed_sha1="") as second,
        module._opened(first, mixing=True) as one,
        module._opened(second, mixing=True) as two,
    ):
        for _ in range(-(-N // 10_000)):
            for stream, got in zip((*one, *two), parts, strict=True):
                got.append(stream.read(np.empty((10_000, 1), dtype=np.float32))[0])
    assert [np.concatenate(got).tobytes() for got in parts] == [samples_of(path) for path in paths]


def test_a_missing_library_is_one_error_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NAMES", ())
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    with pytest.raises(
        SettingsError, match=r"^audio.decoder: expected an installed libmpg123.*apt-get install lib"
    ) as e:
        libmpg123.__wrapped__()
    assert "\n" not in str(e.value)


def test_something_else_of_its_name_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_candidates", lambda: iter([str(ROOT / "params.yaml"), "libc.so.6", "libmpg123.so.0"]))
    assert libmpg123.__wrapped__().version == libmpg123().version
