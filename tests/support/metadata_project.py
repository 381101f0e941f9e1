"""A project with the tables of the mini corpus and no audio: what a fault in the metadata is put into."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fmagc.corpus.data_home import scan_files
from fmagc.corpus.fma.layout import METADATA
from fmagc.demo.tables import genres_csv, tracks_csv
from fmagc.paths import MANIFEST, RAW
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_record
from stages import index
from tests.support.dag import ROOT
from tests.support.mini_corpus import NAME, mini_tracks

Rows = list[list[str]]
Capture = pytest.CaptureFixture[str]
TRACKS, GENRES = (RAW / NAME / path for path in METADATA)
FIRST = 3  # the row of the first track, below three header rows
LAST = FIRST + len(mini_tracks()) - 1
ADVICE = "Correct the table or unpack FMA's own again, then run `dvc repro -f fetch` and `dvc repro`."


def read_rows(path: Path) -> Rows:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def write_rows(path: Path, rows: Rows) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")


def line_of(rows: Rows, row: int) -> int:
    """Return the line on which a row begins; FMA's texts hold line breaks."""
    return 1 + sum(1 + sum(cell.count("\n") for cell in cells) for cells in rows[:row])


def place_of(rows: Rows, column: str) -> int:
    """Find a column of tracks.csv: track_id, or two names such as set.split."""
    titles = ["track_id", *(".".join(pair) for pair in list(zip(rows[0], rows[1], strict=True))[1:])]
    return titles.index(column)


@dataclass(frozen=True)
class Project:
    """A folder with params.yaml and a dataset root."""

    root: Path

    def put(self, column: str, values: dict[int, str]) -> list[str]:
        """Put values into a column of tracks.csv by row; return the places as a message names them."""

        def change(rows: Rows) -> None:
            for row, value in values.items():
                rows[row][place_of(rows, column)] = value

        rows = self.edit(TRACKS, change)
        return [f"line {line_of(rows, row)} (track {rows[row][0]!r})" for row in values]

    def edit(self, path: Path, change: Callable[[Rows], object]) -> Rows:
        """Rewrite a table, and return it as it is now."""
        rows = read_rows(self.root / path)
        change(rows)
        write_rows(self.root / path, rows)
        return rows

    def change_params(self, change: Callable[[Any], object]) -> None:
        """Edit params.yaml."""
        yaml = YAML()
        document = yaml.load(self.root / "params.yaml")
        change(document)
        yaml.dump(document, self.root / "params.yaml")

    def scan_files(self) -> None:
        """List the files of the dataset as they are now, as the stage fetch does."""
        write_record(self.root / MANIFEST, scan_files(self.root / RAW / NAME, NAME))

    def tree(self) -> dict[str, bytes]:
        """Read every file of the project."""
        files = [path for path in self.root.rglob("*") if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in files}

    def refusal_of(self, stage: Callable[[], None], capsys: Capture, *, status: int = 1) -> str:
        """Run a stage that must refuse: one message, its status, no file made or changed."""
        before = self.tree()
        capsys.readouterr()
        assert run_stage(stage) == status
        out, error = capsys.readouterr()
        assert out == ""
        assert self.tree() == before
        assert_one_message(error)
        return error

    def command(self, stage: str) -> "subprocess.CompletedProcess[str]":
        """Run a stage as a user does."""
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", f"stages.{stage}"]
        return subprocess.run(command, cwd=self.root, env=environment, text=True, capture_output=True)


def assert_one_message(error: str) -> None:
    assert error.startswith("error: ")
    assert error.count("error:") == 1
    assert "Traceback" not in error
    assert len(error) < 10_000, "what was found is to be cut"


def refusal(project: Project, capsys: Capture, *, file: Path = TRACKS) -> str:
    """List the files as they now are, and let index refuse the tables."""
    project.scan_files()
    message = project.refusal_of(index.main, capsys)
    assert message.startswith(f"error: {file}: ")
    assert message.endswith(f"\n{ADVICE}\n")
    return message


def make_project(root: Path) -> Project:
    """Write params.yaml and the tables of the mini corpus below `root`."""
    project = Project(root)
    (root / RAW / NAME / NAME).mkdir(parents=True)
    (root / TRACKS).parent.mkdir()
    (root / TRACKS).write_text(tracks_csv(mini_tracks()), encoding="utf-8")
    (root / GENRES).write_text(genres_csv(mini_tracks()), encoding="utf-8")
    (root / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    project.change_params(lambda params: params["dataset"].update(name=NAME))
    project.scan_files()
    return project
