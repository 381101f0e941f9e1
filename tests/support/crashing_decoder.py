"""The stage decode with a decoder that does what C code does at its worst, chosen by the file's name.

Workers import the script that was started, so a decoder that is replaced here is replaced in the real workers:
``python -m tests.support.crashing_decoder`` in a project folder is ``python -m stages.decode`` with this decoder. After
each track the worker notes the most memory that it held on it.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fmagc.audio.decode as decoding
import fmagc.cache.build.waveform_worker as wave_row
from fmagc.audio.decode import Decoded
from fmagc.audio.raw_audio import RawAudio
from fmagc.runtime.entrypoint import run_stage
from stages.decode import main

NOTES = Path("memory")
PARENT = "parent"
HOARD = 256 << 20  # bytes taken at a time

_sound, _sound_samples = wave_row.decode, decoding.read_samples


def _eat() -> None:
    hoard = [np.ones(HOARD // 8)]
    while True:
        hoard.append(np.empty(HOARD // 8))  # without a touch: filling a gigabyte could outlast the timeout


def _spin() -> None:
    while True:
        pass


def _poison() -> None:
    def poisoned(*arguments: Any, **settings: Any) -> RawAudio:
        raw = _sound_samples(*arguments, **settings)
        raw.excerpts[0][5:7] = np.nan, np.inf
        return raw

    decoding.read_samples = poisoned


DEEDS: dict[str, Callable[[], object]] = {
    "segfault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "abort": os.abort,
    "exit": lambda: os._exit(3),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "asleep": lambda: time.sleep(600),
    "spinning": _spin,
    "stopped": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "eats memory": _eat,
    "not a number": _poison,
}


def _decode(path: Path, **settings: Any) -> Decoded:
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the peak of the tracks before
    decoding.read_samples = _sound_samples
    try:
        DEEDS.get(path.stem, lambda: None)()
        return _sound(path, **settings)
    finally:
        _note(path.stem, _peak_bytes())


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _note(name: str, peak: int) -> None:
    NOTES.mkdir(exist_ok=True)
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    (NOTES / f"{name}.json").write_text(json.dumps({"peak": peak, "limit": limit}), encoding="utf-8")


if __name__ in ("__main__", "__mp_main__"):  # the parent and its workers, not who imports a name
    wave_row.decode = _decode

if __name__ == "__main__":
    status = run_stage(main)
    _note(PARENT, _peak_bytes())  # not rusage, which begins with the memory of the process that forked this one
    sys.exit(status)
