"""Exported files beside their models: ``python -m tests.bench.export MODEL_DIR ... --song FILE [--rounds N]``.

It prints a line for each model. Folder (torch) and file (onnxruntime) take turns on one core, from samples to
probabilities: the spectrogram is part of both. A clip is a recording as long as one; a minute is what predict takes for
a minute of music. The command is the whole of `fmagc predict` for the song, with the worker that decodes it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from fmagc.export.onnx_file import export_onnx
from fmagc.inference.onnx_model import OnnxModel
from fmagc.inference.predictor import Predictor
from fmagc.paths import WEIGHTS
from tests.support.audio_files import music


def main() -> None:
    """Print the lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--song", required=True, type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before libraries count the cores
    for folder in given.folders:
        with tempfile.TemporaryDirectory() as place:
            print(json.dumps(line(folder, Path(place, "model.onnx"), given.song, given.rounds)), flush=True)  # noqa: T201


def line(folder: Path, file: Path, song: Path, rounds: int) -> dict[str, object]:
    """Measure one model."""
    export_onnx(folder, file)
    forms = {"torch": Predictor(folder), "onnx": Predictor(file)}
    sr, clip_s = forms["torch"].sample_rate, forms["torch"].clip_seconds
    found: dict[str, object] = {
        "model": OnnxModel(file).record.model,
        "file_kb": file.stat().st_size // 1000,
        "more_than_weights_kb": (file.stat().st_size - (folder / WEIGHTS).stat().st_size) // 1000,
    }
    for name, seconds in (("clip", clip_s), ("minute", 60.0)):
        y = music(round(seconds * sr), sr=sr, channels=1)[:, 0].astype(np.float32)
        expected, other = (form.predict(y).clips for form in forms.values())  # what is compiled or loaded, is now
        found[f"{name}_difference"] = float(np.abs(expected - other).max())
        found[f"{name}_core_s"] = _turns(
            {form: partial(it.predict, y) for form, it in forms.items()}, rounds, clock=time.process_time
        )
    commands = {form: partial(_command, model, song) for form, model in (("torch", folder), ("onnx", file))}
    found["command_core_s"] = _turns(commands, rounds, clock=_children_s)
    found["command_s"] = _turns(commands, rounds, clock=time.perf_counter)
    return found


def _turns(work: dict[str, Callable[[], object]], rounds: int, *, clock: Callable[[], float]) -> dict[str, float]:
    """Measure each in turn; return medians, and the median of the ratios."""
    rows = [{name: _timed(one, clock) for name, one in work.items()} for _ in range(rounds)]
    medians = {name: round(median(row[name] for row in rows), 3) for name in work}
    return medians | {"torch_over_onnx": round(median(row["torch"] / row["onnx"] for row in rows), 2)}


def _timed(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started = clock()
    work()
    return clock() - started


def _command(model: Path, song: Path) -> None:
    command = [sys.executable, "-m", "fmagc", "predict", str(song), "--model", str(model)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _children_s() -> float:
    """Return the time of a core in processes that this one started and that have ended, and in those of theirs."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
