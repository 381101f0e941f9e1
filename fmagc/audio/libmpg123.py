"""Decode an MP3 to mono float32 at its native rate with the libmpg123 of the system.

libsndfile decodes MP3s with a copy of this library inside, always all channels. Here the library mixes the channels
before its synthesis filter, which then runs once instead of twice: the same samples to a few 1e-6, for less work. That
is right only where both channels have the same blocks, since the transform of the blocks runs once, too. Elsewhere all
channels are decoded and averaged, as with libsndfile.
"""

import ctypes
import ctypes.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.mpeg_frames import MpegAudio
from fmagc.audio.open_stream import OpenStream, read_excerpts, with_messages
from fmagc.audio.raw_audio import RawAudio, rough_power
from fmagc.audio.streams import summary
from fmagc.audio.validate import Source
from fmagc.errors import Reason, RejectedTrack, SettingsError

__all__ = ["Library", "libmpg123", "read_mp3"]

_NAMES = ("libmpg123.so.0", "libmpg123.0.dylib")
_FOLDERS = (Path(sys.prefix, "lib"), Path("/opt/homebrew/lib"), Path("/usr/local/lib"))  # conda's and Homebrew's

# of mpg123.h
_OK, _NEED_MORE, _NEW_FORMAT, _DONE, _OUT_OF_MEMORY = 0, -10, -11, -12, 7
_ADD_FLAGS, _REMOVE_FLAGS = 2, 13
_MONO_MIX, _GAPLESS, _FORCE_FLOAT, _AUTO_RESAMPLE, _NO_FRANKENSTEIN = 0x4, 0x40, 0x400, 0x8000, 0x100_0000
_FLOAT_32 = 0x200

_FED = 4 << 20  # bytes at a time: a usual clip at once
_QUIET = 1e-4  # mean power of a mix; where channels cancel (`Excerpt.cancels`) less is left, up to ten times full scale


@dataclass(frozen=True, slots=True)
class Library:
    """libmpg123 as it was loaded, and how the ledger names it."""

    calls: Any
    version: str


class _Place(ctypes.Structure):
    """The Dl_info of dladdr."""

    _fields_ = (
        ("file", ctypes.c_char_p),
        ("base", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
    )


@cache
def libmpg123() -> Library:
    """Load libmpg123 from where the system's loader looks, from this Python's prefix (conda) or from Homebrew's.

    Raises
    ------
    SettingsError
        When there is none, or none that gives floats.
    """
    for name in _candidates():
        with suppress(OSError, AttributeError):  # not there, or something else of this name
            calls = _typed(ctypes.CDLL(name))
            if calls.mpg123_init() == _OK and _FLOAT_32 in _encodings(calls):
                return Library(calls, f"mpg123 {_version(calls)}")
    raise SettingsError(
        "audio.decoder: expected an installed libmpg123, as mpg123 needs it, found none: install it (Debian and "
        "Ubuntu: apt-get install libmpg123-0; macOS: brew install mpg123; conda: conda install -c conda-forge mpg123), "
        "or set audio.decoder to soundfile"
    )


def _candidates() -> Iterator[str]:
    yield from _NAMES
    yield from (str(folder / name) for folder in _FOLDERS for name in _NAMES)
    found = ctypes.util.find_library("mpg123")  # last, since it runs other programs
    yield from [found] if found else []


def _typed(calls: Any) -> Any:
    """Declare the types of the functions; file offsets are `long` on the systems that this package runs on."""
    handle = pointer = ctypes.c_void_p
    calls.mpg123_encodings.argtypes = [pointer, pointer]
    calls.mpg123_new.argtypes, calls.mpg123_new.restype = [ctypes.c_char_p, pointer], handle
    calls.mpg123_delete.argtypes, calls.mpg123_delete.restype = [handle], None
    calls.mpg123_param.argtypes = [handle, ctypes.c_int, ctypes.c_long, ctypes.c_double]
    calls.mpg123_open_feed.argtypes = [handle]
    calls.mpg123_getformat.argtypes = [handle, pointer, pointer, pointer]
    calls.mpg123_length.argtypes, calls.mpg123_length.restype = [handle], ctypes.c_long
    calls.mpg123_decode.argtypes = [handle, ctypes.c_char_p, ctypes.c_size_t, pointer, ctypes.c_size_t, pointer]
    calls.mpg123_errcode.argtypes = [handle]
    calls.mpg123_strerror.argtypes, calls.mpg123_strerror.restype = [handle], ctypes.c_char_p
    return calls


def _encodings(calls: Any) -> list[int]:
    """List the encodings of samples that the library was built for."""
    listed, number = ctypes.POINTER(ctypes.c_int)(), ctypes.c_size_t()
    calls.mpg123_encodings(ctypes.byref(listed), ctypes.byref(number))
    return listed[: number.value]


def _version(calls: Any) -> str:
    """Ask the library for its version; before 1.32 only the name of its file tells one, as libmpg123.so.0.47.0."""
    if hasattr(calls, "mpg123_distversion"):
        calls.mpg123_distversion.argtypes = [ctypes.c_void_p] * 3
        calls.mpg123_distversion.restype = ctypes.c_char_p
        return str(calls.mpg123_distversion(None, None, None).decode("ascii", "replace"))
    place = _Place()
    ctypes.CDLL(None).dladdr(calls.mpg123_decode, ctypes.byref(place))
    return Path(os.path.realpath(os.fsdecode(place.file))).name


class _OpenStream(OpenStream):
    """An MP3 that is fed to a decoder.

    Parameters
    ----------
    handle : int
        Of an open decoder.
    source : Source
        Its one stream.
    mixing : bool
        Whether the decoder mixes two channels.

    Raises
    ------
    RejectedTrack
        When the decoder finds no frame.
    """

    knows_truncation = False

    def __init__(self, handle: int, source: Source, *, mixing: bool) -> None:
        (stream,) = source.contents.streams
        self._handle, self._calls, self._input, self._next = handle, libmpg123().calls, stream.file, b""
        self._input.seek(0)
        self.file, self.n_leading = summary(source.data), stream.n_leading
        status, _ = self._decode(np.empty(0, dtype=np.float32))
        if status != _NEW_FORMAT:
            raise RejectedTrack(Reason.DECODE_ERROR, f"{self._said()} ({self.file})")
        rate, channels, encoding = ctypes.c_long(), ctypes.c_int(), ctypes.c_int()
        self._calls.mpg123_getformat(handle, *(ctypes.byref(value) for value in (rate, channels, encoding)))
        self.sample_rate, self.n_decoded_channels = rate.value, channels.value
        self.channels = 2 if mixing else channels.value
        self.n_declared = self._calls.mpg123_length(handle) if stream.n_samples is None else stream.n_samples

    def read(self, out: NDArray[np.float32]) -> tuple[NDArray[np.float32], str | None]:
        status, n_bytes = self._decode(out)
        frames = out[: n_bytes // (out.itemsize * self.n_decoded_channels)]
        return frames, None if status in (_OK, _NEED_MORE, _DONE) else self._said()

    def _decode(self, out: NDArray[np.float32]) -> tuple[int, int]:
        """Decode until an array is full, the file ends, or something happens; return the status and count the bytes."""
        n_bytes, done = 0, ctypes.c_size_t()
        while True:
            status = self._calls.mpg123_decode(
                self._handle,
                self._next,
                len(self._next),
                out.ctypes.data + n_bytes,
                out.nbytes - n_bytes,
                ctypes.byref(done),
            )
            n_bytes += done.value
            self._next = self._input.read(_FED) or b"" if status == _NEED_MORE else b""
            if not self._next:
                return status, n_bytes

    def _said(self) -> str:
        if self._calls.mpg123_errcode(self._handle) == _OUT_OF_MEMORY:
            raise MemoryError("libmpg123")
        return str(self._calls.mpg123_strerror(self._handle).decode("utf-8", "replace"))


def read_mp3(source: Source, *, max_seconds: float, whole: bool) -> RawAudio:
    """Decode an MP3 and keep its middle, or excerpts that cover it.

    As `libsndfile.read_samples`, this is for one thread of a process only.

    Parameters
    ----------
    source : Source
        An MP3, wrapped or not.
    max_seconds, whole : float, bool
        As for `read_excerpts`.

    Raises
    ------
    RejectedTrack
        When the decoder gives up, with what it said.
    SettingsError
        When libmpg123 is not installed.
    """
    decoder = libmpg123().version

    def read(*, mixing: bool) -> RawAudio:
        opened = partial(_opened, source, mixing=mixing)
        raw = read_excerpts(opened, max_seconds=max_seconds, whole=whole, decoder=decoder)
        return read(mixing=False) if mixing and any(map(_is_quiet, raw.excerpts)) else raw

    return with_messages(partial(read, mixing=_mixes(source.contents.mpeg)))


def _mixes(mpeg: MpegAudio | None) -> bool:
    """Check whether the mix of two channels can be synthesised at once: sound frames with equal blocks."""
    return mpeg is not None and mpeg.channels == 2 and not (mpeg.mixed or mpeg.skipped_bytes or mpeg.blocks_differ())


def _is_quiet(y: NDArray[np.float32]) -> bool:
    """Check whether a mix may be what is left of channels that cancel, so that the channels have to be looked at."""
    return rough_power(y) < _QUIET * len(y)


@contextmanager
def _opened(source: Source, *, mixing: bool) -> Iterator[list[OpenStream]]:
    """Make a decoder for the one stream of an MP3."""
    calls = libmpg123().calls
    handle = calls.mpg123_new(None, None)
    if handle is None:
        raise MemoryError("libmpg123 made no decoder")
    try:
        calls.mpg123_param(handle, _REMOVE_FLAGS, _AUTO_RESAMPLE, 0)
        calls.mpg123_param(handle, _ADD_FLAGS, _FORCE_FLOAT | _GAPLESS | _NO_FRANKENSTEIN | mixing * _MONO_MIX, 0)
        calls.mpg123_open_feed(handle)
        yield [_OpenStream(handle, source, mixing=mixing)]
    finally:
        calls.mpg123_delete(handle)
