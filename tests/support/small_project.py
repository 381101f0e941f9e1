"""A project of ten little tracks in four shards, in which stages run as a user runs them."""

import io
import os
import re
import subprocess
import sys
import time
import uuid
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pandas as pd
from ruamel.yaml import YAML

from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import file_sha1
from fmagc.runtime.tables import write_csv
from tests.support.audio_files import mp3, music
from tests.support.dag import ROOT
from tests.support.encoders import save_torchscript
from tests.support.encoders import settings as settings_of
from tests.support.labels import flat
from tests.support.recipe import MODERN

IDS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
VAL_IDS, TEST_IDS = (7, 8), (9, 10, 11)
SHARDS = ("000.h5", "001.h5", "002.h5", "003.h5")
OUT_OF = {"decode": "data/waves", "mel": "data/mels"}
TRAINING = ("official", "crnn", "0")
ENCODER = "bank"
EPOCHS = 8
TRAINED = Path("data/models", *TRAINING)
OUTS_OF = {stage: [out] for stage, out in OUT_OF.items()} | {
    "train": [TRAINED.as_posix(), "plots/history/official/crnn"],
    "embed": [f"data/embeddings/{ENCODER}"],
}

_NO_MUSIC = 6  # its row is given up, and those after it close up
_GENRES = ("Folk", "Rock")
_MARK = "FMAGC_TEST_MARK"


@dataclass(frozen=True)
class Ended:
    """The end of a stage: its exit status, what it printed, and its errors without the bar of progress."""

    status: int
    out: str
    errors: list[str]


@dataclass(frozen=True)
class Small:
    """The folder of such a project, and the commands that are given in it."""

    root: Path
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def start(self, *command: str, prefix: tuple[str, ...] = (), **popen: object) -> subprocess.Popen[str]:
        """Start a module of Python, for instance ``stages.decode``, behind a prefix such as ``setpriv``."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", _MARK: self.mark}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", *command], cwd=self.root, env=environment, **pipes | popen
        )

    def run(self, *command: str, **popen: object) -> Ended:
        """Run a module of Python to its end."""
        with self.start(*command, **popen) as process:
            out, errors = process.communicate(timeout=900)
        return Ended(process.returncode, out, without_bars(errors))

    def run_here(self, module: str, *arguments: str) -> Ended:
        """Run a stage to its end in this process, which has imported what a new one would import first."""
        out, errors = io.StringIO(), io.StringIO()
        with (
            chdir(self.root),
            patch.object(sys, "argv", [module, *arguments]),
            redirect_stdout(out),
            redirect_stderr(errors),
        ):
            status = run_stage(import_module(module).main)
        return Ended(status, out.getvalue(), without_bars(errors.getvalue()))

    def made(self, *stages: str) -> "Small":
        """Run stages that must succeed, in this process."""
        for stage in stages:
            ended = self.run_here(*f"stages.{stage}".split())
            assert ended.status == 0, ended
        return self

    def survivors(self, *, within_s: float) -> list[int]:
        """Name the processes of this project's commands that are still there after a while."""
        until = time.monotonic() + within_s
        while (alive := self._alive()) and time.monotonic() < until:
            time.sleep(0.02)
        return alive

    def published(self, stage: str) -> dict[str, bytes]:
        """Read all files of a stage's outs, hidden ones too."""
        folders = [self.root / out for out in OUTS_OF[stage] if (self.root / out).exists()]
        return {path.name: path.read_bytes() for folder in folders for path in sorted(folder.iterdir())}

    def store(self, stage: str) -> Path:
        """Name the folder of a stage's finished artifacts."""
        folder = {"train": f"train/{'-'.join(TRAINING)}", "embed": f"embed/{ENCODER}"}.get(stage, stage)
        return self.root / "data/.staging" / folder

    def artifacts(self, stage: str) -> dict[str, tuple[int, int]]:
        """Return the inodes and times of change of finished artifacts: those that have metadata."""
        found = [metadata.with_suffix("") for metadata in self.store(stage).glob("[!.]*.json")]
        return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found if path.exists()}

    def change(self, block: str, **values: object) -> None:
        """Edit params.yaml."""
        yaml = YAML()
        document = yaml.load(self.root / "params.yaml")
        document[block].update(values)
        yaml.dump(document, self.root / "params.yaml")

    def _alive(self) -> list[int]:
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._marked(entry)]

    def _marked(self, process: Path) -> bool:
        try:
            return f"{_MARK}={self.mark}".encode() in (process / "environ").read_bytes()
        except OSError:  # gone meanwhile, or another user's
            return False


def command(stage: str) -> list[str]:
    """Return the module and the arguments of a stage."""
    return [f"stages.{stage}", *{"train": TRAINING, "embed": (ENCODER,)}.get(stage, ())]


def without_bars(errors: str) -> list[str]:
    """Split into lines, and leave out bars of progress, which are drawn over and over after carriage returns."""
    return [line for line in re.split(r"[\r\n]+", errors) if line.strip() and not re.search(r"\d+/\d+ \[\d", line)]


def write_small(root: Path) -> Small:
    """Write the project: the MP3s, what the stage index says of them, settings."""
    audio = root / "data/raw/little"
    audio.mkdir(parents=True)
    for number, track_id in enumerate(IDS):
        data = b"<html>" if track_id == _NO_MUSIC else mp3(music(40_000 + 3_000 * number, channels=1 + number % 2))
        (audio / f"{track_id}.mp3").write_bytes(data)
    (root / "data/index/splits").mkdir(parents=True)
    small = Small(root)
    write_index(small)
    sets = dict.fromkeys(IDS, "train") | dict.fromkeys(VAL_IDS, "val") | dict.fromkeys(TEST_IDS, "test")
    rows = [(n, _GENRES[n % 2], n, sets[n]) for n in IDS]
    split = pd.DataFrame(rows, columns=["track_id", "genre", "artist_id", "set"])
    write_csv(root / "data/index/splits/official.csv", split)
    write_csv(root / "data/index/genres.csv", flat(_GENRES))
    yaml = YAML()
    document = yaml.load(ROOT / "params.yaml")
    document["audio"].update(ids_per_shard=3, max_seconds=2.0, max_reject_fraction=0.3)
    document["clip"]["samples"] = 2**15
    document["mel"].update(n_fft=1024, hop_length=512, n_mels=32)
    document["train"].update(epochs=EPOCHS, patience=EPOCHS, batch_size=2)  # five tracks: the last batch has one clip
    document["models"][TRAINING[1]]["train"] = MODERN
    document["run"]["threads"] = 1  # so small a network only waits for a second one
    yaml.dump(document, root / "params.yaml")
    return small


def bring_encoder(small: Small) -> Small:
    """Add a frozen encoder to the project."""
    settings = settings_of(save_torchscript(small.root / f"{ENCODER}.pt"))
    small.change("encoders", **{ENCODER: settings.model_dump()})
    small.change("run", encoders=[ENCODER])
    return small


def write_index(small: Small) -> None:
    """List the files that are there now, as the stage index would."""
    files = sorted((small.root / "data/raw/little").iterdir(), key=lambda path: int(path.stem))
    rows = [(int(path.stem), f"little/{path.name}", file_sha1(path), "") for path in files]
    table = pd.DataFrame(rows, columns=["track_id", "path", "sha1", "listed_sha1"])
    write_csv(small.root / "data/index/tracks.csv", table)
