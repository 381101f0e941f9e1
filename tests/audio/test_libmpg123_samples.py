"""MP3s decoded with libmpg123 have the samples and the lengths of libsndfile, of every kind of file."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.audio import libmpg123 as module
from fmagc.audio.libmpg123 import libmpg123, read_mp3
from fmagc.audio.libsndfile import read_samples
from fmagc.audio.mpeg_frames import scan
from fmagc.audio.raw_audio import RawAudio
from fmagc.audio.validate import open_source
from tests.support.audio_files import id3, mp3, music, without_header_frame
from tests.support.dag import ROOT
from tests.support.decoders import needs_libmpg123
from tests.support.libmpg123 import SONG, VBR, N, count_decoders, without_places
from tests.support.mutations import frames_of

pytestmark = needs_libmpg123

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
