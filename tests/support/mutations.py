"""Damage done to MP3s, as disks, networks and other people's programs do it; every choice comes from a generator."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile

from fmagc.audio import mpeg_frames
from fmagc.audio.tags import end_of_leading_tags
from tests.support.audio_files import id3, mp3, music, without_header_frame

__all__ = ["MUTATIONS", "frames_of", "mutated", "other_sources", "real_sources", "synthetic_sources"]

_MAGIC = (
    b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0U\0\2\0",
    b"OggS\0\2",
    b'fLaC\0\0\0"',
    b"FORM\0\0\xff\xffAIFF",
    b".snd",
)
_SAMPLES = 2**16

Generator = np.random.Generator
Mutation = Callable[[bytes, bytes, Generator], bytes]


def synthetic_sources() -> list[bytes]:
    """Synthesise songs of a second and a half: constant and variable bit rates, rates, channels, tags."""
    kinds = [
        (44100, 2, "CONSTANT"),
        (44100, 1, "VARIABLE"),
        (48000, 2, "AVERAGE"),
        (32000, 1, "CONSTANT"),
        (22050, 2, "VARIABLE"),
        (8000, 1, "CONSTANT"),
    ]
    songs = [
        mp3(music(_SAMPLES * sr // 44100, sr=sr, channels=channels), sr=sr, mode=mode) for sr, channels, mode in kinds
    ]
    return [*songs, without_header_frame(songs[0]), id3(3000) + songs[1] + b"TAG" + bytes(125)]


def other_sources() -> list[bytes]:
    """Synthesise short files of every other container, of chained streams among them."""
    kinds = [
        ("WAV", None),
        ("AIFF", None),
        ("AU", None),
        ("CAF", None),
        ("W64", None),
        ("RF64", None),
        ("WAV", "FLOAT"),
    ]
    kinds += [("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS")]
    files = [_encoded(name, subtype) for name, subtype in kinds]
    return [*files, files[-3] * 2, files[-2] * 2]


def _encoded(name: str, subtype: str | None) -> bytes:
    buffer, sr = io.BytesIO(), 48000
    soundfile.write(buffer, music(15_000, sr=sr), sr, format=name, subtype=subtype)
    return buffer.getvalue()


def real_sources(corpus: Path, *, n_files: int = 40, seconds: float = 3.0) -> list[bytes]:
    """Cut the first seconds out of MP3s spread over a corpus, with a header frame that declares what is left."""
    paths = sorted(corpus.rglob("*.mp3"))
    files = [path.read_bytes() for path in paths[:: max(1, len(paths) // n_files)]]
    return [_beginning(data, seconds=seconds) for data in files if _lasts(data, seconds)][:n_files]


def mutated(sources: Sequence[bytes], *, seed: int, number: int) -> bytes:
    """Make one damaged file: a source, and one to three kinds of damage. The same numbers make the same bytes."""
    rng = np.random.default_rng([seed, number])
    data, donor = (sources[rng.integers(len(sources))] for _ in range(2))
    for kind in rng.choice(len(MUTATIONS), size=rng.integers(1, 4)):
        data = MUTATIONS[kind](data, donor, rng)
    return data


def frames_of(data: bytes) -> list[slice]:
    """Find the frames that follow each other from the first one on."""
    frames, position = [], end_of_leading_tags(data)
    while position + 4 <= len(data) and data[position] == 0xFF:
        header = mpeg_frames._HEADERS.get(mpeg_frames._two_bytes(data, position))
        if header is None or position + header.length > len(data):
            break
        frames.append(slice(position, position + header.length))
        position += header.length
    return frames


def _lasts(data: bytes, seconds: float) -> bool:
    audio = mpeg_frames.scan(data)
    return audio is not None and len(frames_of(data)) * audio.samples_per_frame >= seconds * audio.sample_rate


def _beginning(data: bytes, *, seconds: float) -> bytes:
    audio, frames = mpeg_frames.scan(data), frames_of(data)
    assert audio is not None
    n_frames = int(seconds * audio.sample_rate / audio.samples_per_frame)
    cut = data[: frames[n_frames - 1 + audio.header_frame].stop]
    return _declaring(cut, n_frames) if audio.declared_frames is not None else cut


def _declaring(data: bytes, n_frames: int) -> bytes:
    for magic in (b"Xing", b"Info"):
        if (place := data.find(magic)) >= 0:
            return data[: place + 8] + n_frames.to_bytes(4) + data[place + 12 :]
    return data


def _span(data: bytes, rng: Generator, *, most: float = 0.2) -> slice:
    """Choose a stretch of a file: short ones as likely as long ones."""
    length = int(np.exp(rng.uniform(0, np.log(max(2.0, most * len(data))))))
    start = int(rng.integers(0, max(1, len(data) - length + 1)))
    return slice(start, start + length)


def _frame(data: bytes, rng: Generator) -> slice:
    frames = frames_of(data)
    return frames[rng.integers(len(frames))] if frames else _span(data, rng)


def _run_of_frames(data: bytes, rng: Generator) -> slice:
    frames = frames_of(data)
    if not frames:
        return _span(data, rng)
    first, last = sorted(rng.integers(0, len(frames), 2))
    return slice(frames[first].start, frames[last].stop)


def _flip_bits(data: bytes, _: bytes, rng: Generator) -> bytes:
    damaged = np.frombuffer(data, dtype=np.uint8).copy()
    n_bits = int(np.exp(rng.uniform(0, np.log(2000)))) if data else 0
    damaged[rng.integers(0, max(1, len(data)), n_bits)] ^= (1 << rng.integers(0, 8, n_bits)).astype(np.uint8)
    return damaged.tobytes()


def _change_head(data: bytes, _: bytes, rng: Generator) -> bytes:
    """Write numbers that programs leave for unknown ones, or any, over a few bytes of a header."""
    place = int(rng.integers(0, 120))
    number = (bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", rng.bytes(4))[rng.integers(5)]
    return data[:place] + number + data[place + 4 :]


def _overwrite(data: bytes, _: bytes, rng: Generator) -> bytes:
    span = _span(data, rng)
    length = span.stop - span.start
    filling = (bytes(length), b"\xff" * length, rng.bytes(length))[rng.integers(3)]
    return data[: span.start] + filling + data[span.stop :]


def _cut_front(data: bytes, _: bytes, rng: Generator) -> bytes:
    return data[_span(data, rng, most=0.9).stop - 1 :]


def _cut_middle(data: bytes, _: bytes, rng: Generator) -> bytes:
    span = _span(data, rng)
    return data[: span.start] + data[span.stop :]


def _cut_end(data: bytes, _: bytes, rng: Generator) -> bytes:
    return data[: rng.integers(0, len(data) + 1)]


def _duplicate(data: bytes, _: bytes, rng: Generator) -> bytes:
    span, place = _span(data, rng), int(rng.integers(0, len(data) + 1))
    return data[:place] + data[span] + data[place:]


def _swap(data: bytes, _: bytes, rng: Generator) -> bytes:
    a, b, c = sorted(rng.integers(0, len(data) + 1, 3))
    return data[:a] + data[b:c] + data[a:b] + data[c:]


def _splice(data: bytes, donor: bytes, rng: Generator) -> bytes:
    place = int(rng.integers(0, len(data) + 1))
    return data[:place] + donor[_span(donor, rng)] + data[place:]


def _change_header(data: bytes, _: bytes, rng: Generator) -> bytes:
    place = _frame(data, rng).start + int(rng.integers(1, 4))
    return data[:place] + rng.bytes(1) + data[place + 1 :]


def _change_every_header(data: bytes, _: bytes, rng: Generator) -> bytes:
    damaged, mask, offset = bytearray(data), 1 << int(rng.integers(8)), int(rng.integers(1, 4))
    for frame in frames_of(data):
        damaged[frame.start + offset] ^= mask
    return bytes(damaged)


def _change_side_information(data: bytes, _: bytes, rng: Generator) -> bytes:
    start = _frame(data, rng).start + 4
    return data[:start] + rng.bytes(32) + data[start + 32 :]


def _remove_frames(data: bytes, _: bytes, rng: Generator) -> bytes:
    run = _run_of_frames(data, rng)
    return data[: run.start] + data[run.stop :]


def _repeat_frames(data: bytes, _: bytes, rng: Generator) -> bytes:
    run = _run_of_frames(data, rng)
    return data[: run.stop] + data[run] + data[run.stop :]


def _foreign_frames(data: bytes, donor: bytes, rng: Generator) -> bytes:
    place = _frame(data, rng).start
    return data[:place] + donor[_run_of_frames(donor, rng)] + data[place:]


def _change_count(data: bytes, _: bytes, rng: Generator) -> bytes:
    frames = len(frames_of(data))
    count = (0, 1, frames // 2, frames + 5, 2 * frames, 0x7FFFFFFF, 0xFFFFFFFF)[rng.integers(7)]
    return _declaring(data, count)


def _change_header_frame(data: bytes, _: bytes, rng: Generator) -> bytes:
    place = max(data.find(b"Xing"), data.find(b"Info"))
    return data if place < 0 else data[: place + 4] + rng.bytes(120) + data[place + 124 :]


def _tag(data: bytes, _: bytes, rng: Generator) -> bytes:
    length = int(rng.integers(0, 5000))
    place = (0, len(data), int(rng.integers(0, len(data) + 1)))[rng.integers(3)]
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + length.to_bytes(4, "little") + rng.bytes(16)
    absurd = b"ID3\x04\x00" + rng.bytes(1) + bytes(rng.integers(0, 128, 4).tolist())
    tag = (id3(length), id3(length, footer=True), absurd, ape, b"TAG" + rng.bytes(125))[rng.integers(5)]
    return data[:place] + tag + data[place:]


def _disguise(data: bytes, _: bytes, rng: Generator) -> bytes:
    magic = _MAGIC[rng.integers(len(_MAGIC))]
    return magic + data[len(magic) * int(rng.integers(2)) :]


MUTATIONS: tuple[Mutation, ...] = (
    _flip_bits,
    _overwrite,
    _cut_front,
    _cut_middle,
    _cut_end,
    _duplicate,
    _swap,
    _splice,
    _change_header,
    _change_every_header,
    _change_side_information,
    _remove_frames,
    _repeat_frames,
    _foreign_frames,
    _change_count,
    _change_header_frame,
    _tag,
    _disguise,
    _change_head,
)
