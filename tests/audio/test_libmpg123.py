"""MP3s decoded with libmpg123: the samples, the lengths and the rejections of libsndfile, by less work."""

import ctypes
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from fmagc.audio import libmpg123 as module
from fmagc.audio.decode import Decoded
from fmagc.audio.libmpg123 import libmpg123, read_mp3
from fmagc.audio.libsndfile import read_samples
from fmagc.audio.mpeg_frames import scan
from fmagc.audio.raw_audio import RawAudio
from fmagc.audio.validate import open_source
from fmagc.errors import Reason, RejectedTrack, SettingsError
from fmagc.runtime.worker_pool import map_isolated
from tests.support.audio_files import decode_bytes, id3, mp3, music, without_header_frame
from tests.support.dag import ROOT
from tests.support.decoders import needs_libmpg123
from tests.support.mutations import frames_of

pytestmark = needs_libmpg123

N = 3 * 44100
SONG = mp3(music(N))
VBR = mp3(music(N), mode="VARIABLE")
SONGS = [path for folder in ROOT.parents for path in sorted(folder.glob("shared/corpora/*/fma_*/*/*.mp3"))]
WINDOW_SWITCHING = {True: ((53, 112), (171, 230)), False: ((48, 111),)}  # bits, by granule and channel; MPEG-1 or not
TOLERANCE = 4e-6  # of the peak


def both(path: Path) -> tuple[RawAudio, RawAudio]:
    """Decode with libmpg123 and with libsndfile."""
    with open_source(path, expected_sha1=None, listed_sha1="") as source:
        return tuple(read(source, max_seconds=30.0, whole=False) for read in (read_mp3, read_samples))  # type: ignore[return-value]


def assert_equal(data: bytes, folder: Path, *, suffix: str = ".mp3") -> float:
    """Compare all that both decoders say of a file, and return the largest difference of a sample."""
    path = folder / f"song{suffix}"
    path.write_bytes(data)
    found, expected = both(path)
    for name in ("starts", "cancelled", "n_decoded", "padded", "sample_rate", "channels"):
        assert getattr(found, name) == getattr(expected, name), name
    assert without_places(found.warnings) == without_places(expected.warnings)
    assert found.decoder == libmpg123().version
    largest, peak = (float(np.abs(y).max()) for y in (found.excerpts[0] - expected.excerpts[0], expected.excerpts[0]))
    assert largest <= TOLERANCE * peak
    return largest


def without_places(text: str) -> str:
    """Leave out where in its source libmpg123 speaks from, which depends on its version."""
    return re.sub(r"\[[^]]*libmpg123/[^]]*\]", "", text)


def other_blocks(data: bytes) -> bytes:
    """Make the channels differ: where both start short blocks, let the right one end them."""
    changed, audio = bytearray(data), scan(data)
    assert audio is not None
    for frame in frames_of(data):
        side = frame.start + 4 + 2 * (1 - (data[frame.start + 1] & 1))
        for left, right in WINDOW_SWITCHING[audio.samples_per_frame == 1152]:
            if field(changed, side, left) == field(changed, side, right) == 0b1010:  # switching, start, not mixed
                for bit in (right + 1, right + 2):
                    changed[side + bit // 8] ^= 0x80 >> bit % 8
                assert field(changed, side, right) ^ 0b0110 == 0b1010
    return bytes(changed)


def field(data: bytes | bytearray, side: int, bit: int) -> int:
    return int("".join(f"{byte:08b}" for byte in data[side : side + 34])[bit : bit + 4], 2)


KINDS: dict[str, Callable[[], bytes]] = {
    **{
        f"{sr} Hz, {channels} channels, {mode.lower()}": lambda sr=sr, channels=channels, mode=mode: mp3(
            music(2 * sr, sr=sr, channels=channels), sr=sr, mode=mode
        )
        for sr in (48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)
        for channels in (1, 2)
        for mode in ("CONSTANT", "VARIABLE")
    },
    "low bit rate": lambda: mp3(music(N), level=0.95),
    "constant rate, no header": lambda: without_header_frame(SONG),
    "variable rate, no header": lambda: without_header_frame(VBR),
    "no header, cut": lambda: without_header_frame(VBR)[:-1000],
    "its front is cut off": lambda: SONG[30_000:],
    "zeros before": lambda: bytes(5000) + without_header_frame(VBR),
    "noise before": lambda: np.random.default_rng(1).bytes(3000) + VBR,
    "zeros behind": lambda: VBR + bytes(50_000),
    "tags": lambda: id3(5000, footer=True) + id3(20) + SONG + b"TAG" + bytes(125),
    "twice": lambda: VBR + VBR,
    "a hole": lambda: SONG[:30_000] + bytes(500) + SONG[30_500:],
    "silence": lambda: mp3(np.zeros((N, 2))),
    "quiet": lambda: mp3(1e-3 * music(N)),
    "channels that cancel": lambda: mp3(music(N, channels=1) * [[1.0, -1.0]]),
    "blocks apart": lambda: other_blocks(SONG),
    "blocks apart, MPEG-2": lambda: other_blocks(mp3(music(N, sr=22050), sr=22050)),
    "intensity stereo": lambda: with_intensity_stereo(SONG),
    "longer than an excerpt": lambda: without_header_frame(mp3(music(40 * 44100, channels=2))),
}


def with_intensity_stereo(data: bytes) -> bytes:
    """Set the bit of intensity stereo in the header of every joint frame: other music, but sound frames."""
    changed = bytearray(data)
    for frame in frames_of(data):
        if data[frame.start + 3] & 0xC0 == 0x40:
            changed[frame.start + 3] |= 0x10
    assert changed != data
    return bytes(changed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_are_those_of_libsndfile(kind: str, tmp_path: Path) -> None:
    assert_equal(KINDS[kind](), tmp_path)


def test_inside_a_wav_too(tmp_path: Path) -> None:
    body = b"WAVEfmt " + (30).to_bytes(4, "little") + b"U\0\2\0D\xac\0\0" + bytes(22) + b"data"
    wav = b"RIFF" + (len(body) + 4 + len(SONG)).to_bytes(4, "little") + body + len(SONG).to_bytes(4, "little") + SONG
    assert_equal(wav, tmp_path, suffix=".wav")


@pytest.mark.skipif(not SONGS, reason="needs the corpora beside the project")
def test_music_has_the_same_samples(tmp_path: Path) -> None:
    songs = [path.read_bytes() for path in SONGS[::23]]
    compared = [assert_equal(song, tmp_path) for song in songs if scan(song)]
    assert len(compared) > 10


@pytest.mark.skipif(not shutil.which("lame"), reason="needs lame")
@pytest.mark.parametrize(
    "options", [["-m", mode, *rate] for mode in "sjfd" for rate in (["-b", "128"], ["-V", "4"], ["-p"])]
)
def test_the_modes_of_lame(options: list[str], tmp_path: Path) -> None:
    rng, y = np.random.default_rng(3), 0.05 * music(N)
    for channel in (0, 1):
        for place in rng.integers(0, N - 1500, 15):
            y[place : place + 1500, channel] += 0.5 * np.exp(-np.arange(1500) / 200) * rng.standard_normal(1500)
    soundfile.write(tmp_path / "y.wav", y, 44100)
    subprocess.run(["lame", "--quiet", *options, tmp_path / "y.wav", tmp_path / "y.mp3"], check=True)
    audio = scan((tmp_path / "y.mp3").read_bytes())
    assert audio is not None
    assert audio.blocks_differ() == (options[1] == "d")
    assert_equal((tmp_path / "y.mp3").read_bytes(), tmp_path)


@pytest.mark.parametrize("sr", [44100, 22050])
def test_a_mix_of_different_blocks_is_wrong(sr: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = mp3(music(N, sr=sr), sr=sr)
    apart = other_blocks(sound)
    assert [audio.blocks_differ() for audio in map(scan, (sound, apart)) if audio] == [False, True]
    (tmp_path / "song.mp3").write_bytes(apart)
    monkeypatch.setattr(module, "_mixes", lambda mpeg: True)
    found, expected = both(tmp_path / "song.mp3")
    assert np.abs(found.excerpts[0] - expected.excerpts[0]).max() > 1000 * TOLERANCE


def test_stereo_is_mixed_before_its_synthesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = count_decoders(monkeypatch)
    assert_equal(SONG, tmp_path)
    assert (mixed.flags, mixed.made, mixed.deleted) == ([True], 1, 1)
    for data in (KINDS["blocks apart"](), KINDS["a hole"](), mp3(music(N, channels=1))):
        mixed.flags.clear()
        assert_equal(data, tmp_path)
        assert mixed.flags == [False]
    mixed.flags.clear()
    assert_equal(KINDS["channels that cancel"](), tmp_path)
    assert mixed.flags == [True, False, False]  # a quiet mix, the channels, the one that is kept


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
