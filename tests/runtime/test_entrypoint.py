"""The end of a stage: its exit status and its last words."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fmagc.runtime.entrypoint import run_stage
from tests.support.dag import ROOT

WAITS = """
import sys, time
from fmagc.runtime.entrypoint import run_stage

def stage():
    try:
        print("under way", flush=True)
        time.sleep(600)
    finally:
        print("tidied up", flush=True)

sys.exit(run_stage(stage))
"""


@pytest.mark.parametrize(
    ("number", "status", "said"),
    [
        (signal.SIGTERM, 143, "error: stopped by SIGTERM; what was finished is kept: run again to go on\n"),
        (signal.SIGINT, 130, "stopped\n"),
    ],
)
def test_a_signal_ends_a_stage_in_good_order_with_one_line(number: int, status: int, said: str) -> None:
    command = [sys.executable, "-c", WAITS]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (status, "tidied up\n", said)


def test_the_handler_of_a_caller_is_left_alone() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        assert run_stage(lambda: os.kill(os.getpid(), signal.SIGTERM)) == 0
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_stage_that_runs_out_of_memory_ends_with_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_stage(lambda: np.empty(1 << 57).fill(0)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: out of memory: Unable to allocate 1.00 EiB for an array with shape")
    assert "ask for less in params.yaml" in line


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files whose disk is full."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sizes = {str(tmp_path): 0}
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=sizes.get(str(folder), 1 << 40)))
    return tmp_path


def test_an_error_without_a_file_names_the_disk_that_is_full(
    elsewhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def stage() -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert run_stage(stage) == 1
    assert capsys.readouterr().err.startswith(f"error: the disk of {elsewhere}: no space left on device: make room")
