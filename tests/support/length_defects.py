"""Defects of sound files: what changes none of their samples, by container, and the flags that each must give."""

from collections.abc import Callable

import numpy as np

from tests.support.audio_files import id3
from tests.support.audio_writers import SECONDS, SR

Defect = Callable[[bytes], bytes]


def behind(junk: bytes) -> Defect:
    return lambda data: data + junk


def before(junk: bytes) -> Defect:
    return lambda data: junk + data


def number(marker: bytes, offset: int, value: int, *, n_bytes: int = 4, big_endian: bool = False) -> Defect:
    """Write a number at a place behind a marker."""

    def write(data: bytes) -> bytes:
        at = data.index(marker) + offset
        return data[:at] + value.to_bytes(n_bytes, "big" if big_endian else "little") + data[at + n_bytes :]

    return write


def counting_its_header(data: bytes) -> bytes:
    at = data.index(b"data") + 4
    size = int.from_bytes(data[at : at + 4], "little") + 44
    return data[:at] + size.to_bytes(4, "little") + data[at + 4 :]


def half_declared(data: bytes) -> bytes:
    at = data.index(b"data") + 4
    return data[:at] + (int.from_bytes(data[at : at + 4], "little") // 2).to_bytes(4, "little") + data[at + 4 :]


def in_wav(data: bytes) -> bytes:
    """Wrap an MP3 as Windows and recorders do; the header tells half of its samples."""
    fmt = (
        (0x55).to_bytes(2, "little")
        + (2).to_bytes(2, "little")
        + SR.to_bytes(4, "little")
        + (16000).to_bytes(4, "little")
    )
    fmt += bytes((1, 0, 0, 0, 12, 0)) + bytes((1, 0, 2, 0, 0, 0, 0x80, 4, 1, 0, 0x71, 5))
    fact = b"fact" + (4).to_bytes(4, "little") + (SECONDS * SR // 2).to_bytes(4, "little")
    body = b"WAVEfmt " + len(fmt).to_bytes(4, "little") + fmt + fact + b"data" + len(data).to_bytes(4, "little") + data
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def flac_total(value: int) -> Defect:
    return lambda data: data[:21] + bytes((data[21] & 0xF0,)) + value.to_bytes(4) + data[26:]


def without_end_mark(data: bytes) -> bytes:
    last = data.rindex(b"OggS")
    page = (
        data[last : last + 5]
        + bytes((data[last + 5] & ~4,))
        + data[last + 6 : last + 22]
        + bytes(4)
        + data[last + 26 :]
    )
    return data[:last] + page[:22] + checksum(page).to_bytes(4, "little") + page[26:]


def checksum(page: bytes) -> int:
    """Compute the checksum of an Ogg page."""
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (0x104C11DB7 if remainder & 0x80000000 else 0)) & 0xFFFFFFFF
    return remainder


TAG = b"TAG" + b"song".ljust(30, b"\0") + bytes(95)
APE = b"APETAGEX" + (2000).to_bytes(4, "little") + (40).to_bytes(4, "little") + bytes(16)
NOISE = np.random.default_rng(5).bytes(3000)
SIZE = {"zero": 0, "sox": 0x7FFFF000, "arecord": 0x80000000, "max int": 0x7FFFFFFF, "ffmpeg": 0xFFFFFFFF}

# by the first word of a writer: what is done to its file, and the flags that this must give
DEFECTS: dict[str, dict[str, tuple[Defect, set[str]]]] = {
    "mp3": {
        "zeros before": (before(bytes(5000)), {"padded"}),
        "noise before": (before(NOISE), {"padded"}),
        "padding behind a tag": (before(id3(40) + bytes(3000)), {"padded"}),
        "zeros behind": (behind(bytes(65536)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "tags behind": (behind(bytes(8) + APE + TAG), set()),
        "in a WAV": (in_wav, set()),
    },
    "wav": {
        **{f"size {name}": (number(b"data", 4, size), {"length_corrected"}) for name, size in SIZE.items()},
        "counts its header": (counting_its_header, {"length_corrected"}),
        "half": (half_declared, {"length_corrected"}),
        "a tag behind": (behind(TAG), set()),
        "zeros behind": (behind(bytes(10_000)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "a tag before": (before(id3(1000)), set()),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
    "aiff": {
        f"size {name}": (number(b"SSND", 4, size, big_endian=True), {"length_corrected"}) for name, size in SIZE.items()
    },
    "au": {
        f"size {name}": (number(b".snd", 8, size, big_endian=True), {"length_corrected"}) for name, size in SIZE.items()
    },
    "caf": {"size unknown": (number(b"data", 4, 2**64 - 1, n_bytes=8, big_endian=True), {"length_corrected"})},
    "rf64": {"a tag behind": (behind(TAG), set()), "zeros behind": (behind(bytes(9000)), {"padded"})},
    "w64": {"zeros behind": (behind(bytes(9000)), {"padded"})},
    "flac": {
        "a tag behind": (behind(TAG), set()),
        "a tag before": (before(id3(1000)), set()),
        "zeros behind": (behind(bytes(5000)), {"padded"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "total unknown": (flac_total(0), {"length_corrected"}),
        "total too small": (flac_total(SR), {"length_corrected"}),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
    "ogg": {
        "no end mark": (without_end_mark, {"no_end_mark"}),
        "noise behind": (behind(NOISE), {"padded"}),
        "a tag before": (before(id3(1000)), set()),
        "zeros before": (before(bytes(1000)), {"padded"}),
    },
}
DEFECTS["opus"] = DEFECTS["ogg"]
