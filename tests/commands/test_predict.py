"""`fmagc predict` on names, terminals and folders as people have them."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from fmagc.cli import main
from fmagc.params.signal import Mel
from tests.support.dag import ROOT
from tests.support.trained_model import write_model

SR = 22_050
MEL = Mel(n_fft=1024, hop_length=512, n_mels=32, fmin=0.0, fmax=None, top_db=80.0)
BYTES = os.fsdecode(b"caf\xe9.wav")  # Latin-1
NAMES = ("a.wav", BYTES, "two\nlines.wav", "Ж $x$.wav")
OF_NOTEBOOKS = "module://matplotlib_inline.backend_inline"
SHOWN = {"a.wav", r"caf\xe9.wav", "Ж $x$.wav"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model, a folder of music with strange names, and one without music."""
    folder = tmp_path_factory.mktemp("predict")
    write_model(folder / "model", "cnn1d", genres=["Folk", "Rock"], clip_samples=2**15, sample_rate=SR, mel=MEL)
    for name in ("music", "empty"):
        (folder / name).mkdir()
    y = 0.1 * np.random.default_rng(0).standard_normal(3 * SR)
    for name in NAMES:
        with (folder / "music" / name).open("wb") as file:
            soundfile.write(file, y, SR, format="WAV")
    return folder


def predicted(place: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fmagc", "predict", *arguments, "--model", "model"],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
    )


def test_every_name_is_shown_and_drawn_whatever_backend_of_figures_a_notebook_set(place: Path) -> None:
    ended = predicted(place, "music", "--timeline", "figures", MPLBACKEND=OF_NOTEBOOKS)
    assert ended.returncode == 0, ended.stderr.decode()
    assert "Traceback" not in ended.stderr.decode(errors="replace")
    lines = ended.stdout.decode().splitlines()
    assert {line.partition(": ")[0] for line in lines} == {f"music/{name}" for name in {*SHOWN, r"two\nlines.wav"}}
    assert {path.name for path in (place / "figures").iterdir()} == {f"{name}.png" for name in NAMES}


def test_a_terminal_of_another_encoding_gets_what_every_file_gave(place: Path) -> None:
    ended = predicted(place, "music", "gone.wav", "--json", PYTHONIOENCODING="latin-1")
    assert ended.returncode == 1, ended.stderr
    entries = json.loads(ended.stdout.decode("latin-1"))
    paths = {f"music/{name}" for name in {*SHOWN, "two\nlines.wav"}} | {"gone.wav"}
    assert {entry["path"] for entry in entries} == paths
    ended = predicted(place, "music", "--csv", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    rows = list(csv.DictReader(io.StringIO(ended.stdout.decode("ascii"))))
    assert [row["genre"] in ("Folk", "Rock") for row in rows] == [True] * len(NAMES)


def test_a_folder_without_audio_does_not_stop_the_others(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert main(["predict", "empty", "music/a.wav", "--model", "model"]) == 1
    printed, said = capfd.readouterr()
    assert printed.startswith("music/a.wav: ")
    assert "empty: expected audio files below it (.mp3 " in said
    assert "error: 1 folder held no audio, for the reasons above" in said


def test_what_a_listener_would_ask_about_a_file_is_said_beside_its_line(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    soundfile.write(tmp_path / "silence.wav", np.zeros(2 * SR), SR)
    soundfile.write(tmp_path / "short.wav", np.zeros(SR // 2), SR)
    (tmp_path / "song.m4a").write_bytes(b"\0\0\0\x1cftypM4A " + bytes(100))
    assert main(["predict", ".", "--model", str(place / "model"), "--csv"]) == 1
    printed, said = capfd.readouterr()
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(printed))}
    assert rows["silence.wav"]["genre"] in ("Folk", "Rock")
    assert (rows["silence.wav"]["reason"], rows["silence.wav"]["detail"].split(":")[0]) == ("", "silent")
    assert "silence.wav: silent: no sample is above the decoder's rounding; the genres mean nothing\n" in said
    assert "short.wav: too_short: 0.50 s, needs 1.49 s (" in said
    assert "; the fallback ffmpeg reads more formats: add --fallback ffmpeg\n" in said
    assert "add --fallback" not in rows["song.m4a"]["detail"]  # a reader of the table may have typed no command
    assert main(["predict", "silence.wav", "song.m4a", "--model", str(place / "model"), "--fallback", "ffmpeg"]) == 1
    assert "add --fallback" not in capfd.readouterr().err


@pytest.mark.parametrize("stage", ["explore", "compare", "report"])
def test_a_notebooks_backend_of_figures_does_not_stop_a_stage(stage: str) -> None:
    environment = {**os.environ, "MPLBACKEND": OF_NOTEBOOKS}
    command = [sys.executable, "-c", f"import stages.{stage}"]
    assert subprocess.run(command, cwd=ROOT, env=environment).returncode == 0
