"""Run a stage and end it silently, or with one message and its exit status."""

import errno
import io
import os
import select
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from tempfile import gettempdir
from types import FrameType

from fmagc.errors import FmagcError, name_file
from fmagc.paths import STAGING

__all__ = ["log", "run_stage"]

_FULL = 1 << 20  # bytes: a disk with less is the one that refused a write
_OUTPUT = Path("standard output")
_NO_ROOM = "make room there (`dvc gc -w` drops what the workspace does not use)"
_NO_RIGHT = "let this user read and write there"
_REMEDIES = {
    errno.ENOSPC: _NO_ROOM,
    errno.EDQUOT: _NO_ROOM,
    errno.EFBIG: "raise the limit of a file's size (`ulimit -f`), or move to a disk that holds larger files",
    errno.EACCES: _NO_RIGHT,
    errno.EPERM: _NO_RIGHT,
    errno.EROFS: "the disk is mounted read-only: have it mounted for writing, or move the project",
    errno.EIO: "the disk fails to read or write it: look at the system's log",
}


def log(text: str) -> None:
    """Print what a stage is about to do or has done, a line at a time."""
    with name_file(_OUTPUT):
        print(text, flush=True)  # noqa: T201


def run_stage(stage: Callable[[], None]) -> int:
    """Call a stage and return its exit status: 0, 1 for data, 2 for settings, 130 after Ctrl-C, 143 after SIGTERM.

    Of several processes that `torchrun` started, rank zero alone prints what it does; an error is printed by each that
    has it, with its rank.
    """
    rank = int(os.environ["RANK"]) if "TORCHELASTIC_RUN_ID" in os.environ else 0
    label = f"error (process {rank})" if rank else "error"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that the terminal cannot show must not end the run
            stream.reconfigure(errors="backslashreplace")
    try:
        with _quiet() if rank else nullcontext(), _termination():
            stage()
    except FmagcError as error:
        print(f"{label}: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    except OSError as error:  # a full disk, a folder that may not be written, a file that may not be read
        if isinstance(error, BrokenPipeError) and _has_no_reader(sys.stdout.fileno()):  # it had enough, as `head` has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for what is written at exit
        else:
            print(f"{label}: {_described(error)}", file=sys.stderr)  # noqa: T201
        return 1
    except MemoryError as error:
        said = str(error).rstrip(".") or "an allocation failed"
        print(  # noqa: T201
            f"{label}: out of memory: {said}: ask for less in params.yaml, or run where there is more, then run again; "
            "what was finished is kept",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGINT
    except _Terminated:
        print(f"{label}: stopped by SIGTERM; what was finished is kept: run again to go on", file=sys.stderr)  # noqa: T201
        return 128 + signal.SIGTERM
    return 0


class _Terminated(BaseException):
    """SIGTERM came, as KeyboardInterrupt says of SIGINT."""


@contextmanager
def _termination() -> Iterator[None]:
    """Raise on SIGTERM, so that workers end and locks are let go before the process does."""
    taken = signal.getsignal(signal.SIGTERM) != signal.SIG_DFL or threading.current_thread() != threading.main_thread()
    if taken or "TORCHELASTIC_RUN_ID" in os.environ:  # a process that waits for another one must end at once
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise _Terminated


@contextmanager
def _quiet() -> Iterator[None]:
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def _has_no_reader(pipe: int) -> bool:
    """Check whether this pipe is the broken one: a broken pipe to a worker is an error like any other."""
    poll = select.poll()
    poll.register(pipe, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _described(error: OSError) -> str:
    """Describe where the system refused an operation, what it reported, and how to correct that."""
    remedy = _REMEDIES.get(error.errno or 0)
    if remedy is None:
        return str(error)
    said = (error.strerror or str(error)).lower()
    return f"{_place_of(error)}: {said}: {remedy}, then run again; what was finished is kept"


def _place_of(error: OSError) -> str:
    """Name the file of an error, or the folders whose disk is full."""
    if error.filename:
        return str(error.filename)
    folders = {str(folder) for folder in (Path.cwd(), STAGING, Path(gettempdir())) if folder.is_dir()}
    full = sorted(folder for folder in folders if shutil.disk_usage(folder).free < _FULL)
    return f"the disk of {' and of '.join(full)}" if full else "a file that the system does not name"
