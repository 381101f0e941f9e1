"""The exceptions that end a run, and the reasons for which a track is rejected.

A bad track never ends a run: it becomes a ledger row with a `Reason`. Bad settings or data end the run with one
`FmagcError`, whose message says what failed, where, what was expected, what was found and what to do next.
"""

import reprlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import islice
from numbers import Integral
from pathlib import Path
from typing import Any

__all__ = [
    "DataError",
    "FmagcError",
    "Reason",
    "RejectedTrack",
    "SettingsError",
    "WorkerError",
    "format_bytes",
    "format_list",
    "format_value",
    "name_file",
    "name_track",
    "require_at_least",
]

_SHOWN = 20  # entries of a list in a message
_WIDTH = 300  # characters of one value
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 80
_REPR.maxlist = _REPR.maxdict = _SHOWN
_REPR.maxlevel = 2  # a few lines of YAML can define nested lists too large to print


class FmagcError(Exception):
    """An error that a user can correct; a stage prints its message and exits with `exit_status`.

    Examples
    --------
    >>> import fmagc
    >>> try:
    ...     fmagc.open_cache("nowhere")
    ... except fmagc.FmagcError as error:
    ...     print(type(error).__name__)
    DataError
    """

    exit_status = 1


class SettingsError(FmagcError):
    """A setting, in params.yaml or in a call, is unknown or invalid.

    Examples
    --------
    >>> import fmagc
    >>> y, sr = fmagc.decode("song.mp3", sample_rate=7)
    Traceback (most recent call last):
    fmagc.errors.SettingsError: fmagc.decode: sample_rate: expected at least 8000, found 7
    """

    exit_status = 2


class DataError(FmagcError):
    """A file or table is missing, damaged, or contradicts another one.

    Examples
    --------
    >>> import fmagc
    >>> cache = fmagc.open_cache("data")
    >>> try:
    ...     cache.split("nobody's")
    ... except fmagc.DataError as error:
    ...     print(str(error).split(":")[0])
    data/index/splits
    """


class WorkerError(FmagcError):
    """Raised when worker processes cannot be started on this machine."""


class Reason(StrEnum):
    """A reason to reject a track; the value is what the ledger's column `reason` holds.

    Examples
    --------
    >>> import fmagc
    >>> print(fmagc.Reason.TOO_SHORT)
    too_short
    """

    MISSING_FILE = "missing_file"  # listed in tracks.csv, but there is no such file
    NOT_REGULAR_FILE = "not_regular_file"  # a directory, a FIFO, a device
    UNREADABLE_FILE = "unreadable_file"  # there, but the system refuses: permissions, a failing disk
    CHECKSUM_MISMATCH = "checksum_mismatch"  # other bytes than the archive's list or the manifest names
    NOT_MP3 = "not_mp3"  # called .mp3, but the content is no MPEG audio
    NOT_AUDIO = "not_audio"  # called something else, but the content is of no format that libsndfile reads
    NO_AUDIO = "no_audio"  # tags, but not one MPEG audio frame
    DECODE_ERROR = "decode_error"  # the decoder gave up
    TRUNCATED = "truncated"  # decoded to less than its MPEG frames or its header promise
    TOO_LARGE = "too_large"  # longer than memory allows for an MP3, or the disk for what the second decoder gives
    TOO_SHORT = "too_short"  # whole, but shorter than one clip
    NON_FINITE = "non_finite"  # NaN or infinity among the samples, or in what an encoder makes of them
    EXTREME_PEAK = "extreme_peak"  # a peak so high that int16, scaled to it, would keep nothing else of the song
    NO_DECODER = "no_decoder"  # the second decoder is wanted, but not installed
    DECODER_DISAGREES = "decoder_disagrees"  # the second decoder gave another rate, channels or length than is stated
    DECODER_CRASHED = "decoder_crashed"  # the worker process died on it
    DECODER_TIMEOUT = "decoder_timeout"  # longer than audio.timeout_s
    DECODER_OUT_OF_MEMORY = "decoder_out_of_memory"
    ENCODER_FAILED = "encoder_failed"  # a frozen encoder raised an error on it, or gave another shape


class RejectedTrack(Exception):  # noqa: N818 - an outcome of one track, not an error of the program
    """One track cannot be used. This is no `FmagcError`, since it rejects one track and does not end the run.

    Attributes
    ----------
    reason : Reason
    detail : str
        What was measured or what the decoder said, for the ledger's column `detail`.
    path : str
        Of the file, where a call named one.

    Examples
    --------
    >>> import fmagc
    >>> try:
    ...     y, sr = fmagc.decode("none.mp3")
    ... except fmagc.RejectedTrack as rejected:
    ...     print(rejected)
    none.mp3: missing_file: No such file or directory
    """

    def __init__(self, reason: Reason, detail: str, path: str = "") -> None:
        super().__init__(reason, detail, path)  # all in args, so that it survives pickling between processes
        self.reason = reason
        self.detail = detail
        self.path = path

    def __str__(self) -> str:
        return ": ".join([*([self.path] if self.path else []), self.reason, self.detail])


def format_value(value: Any) -> str:
    """Format a value for a message: on one line, and short however large or nested it is."""
    text = _REPR.repr(value)
    return text if len(text) <= _WIDTH else f"{text[:_WIDTH]}..."


def format_bytes(n_bytes: int) -> str:
    """Format a number of bytes for a message, in a unit in which it lies between 1 and 1000."""
    if n_bytes < 1000:
        return f"{n_bytes} byte{'s' * (n_bytes != 1)}"
    size, prefixes = n_bytes / 1000, iter("kMGTP")
    prefix = next(prefixes)
    while round(size, 1) >= 1000 and (larger := next(prefixes, "")):
        size, prefix = size / 1000, larger
    return f"{size:.1f} {prefix}B"


def format_list(entries: Collection[str], *, count: int | None = None) -> str:
    """List entries for a message: all of them, or the first and the number of the others.

    Parameters
    ----------
    entries : collection of str
    count : int, optional
        How many there are, if `entries` holds only the first of them.
    """
    listed = list(islice(entries, _SHOWN))
    others = (len(entries) if count is None else count) - len(listed)
    return ", ".join(listed) + (f" and {others} more" if others else "")


def require_at_least(least: int, **arguments: object) -> None:
    """Raise ValueError unless each of these arguments is an integer from `least` on."""
    for name, value in arguments.items():
        if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
            raise ValueError(f"{name}: expected an integer from {least} on, found {format_value(value)}")


@contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Add a file's name to an OSError of a call that received only its descriptor."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


@contextmanager
def name_track(path: Path) -> Iterator[None]:
    """Add a file's name to the rejection of its track, for callers that do not store it themselves."""
    try:
        yield
    except RejectedTrack as rejected:
        raise RejectedTrack(rejected.reason, rejected.detail, str(path)) from None
