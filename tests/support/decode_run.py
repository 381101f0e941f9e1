"""The stage decode run as a user runs it, in a project folder of its own."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from ruamel.yaml import YAML

from fmagc.cache.ledger import read_ledger
from fmagc.cache.reader import Cache
from fmagc.runtime.tables import write_csv
from tests.support.broken_files import IDS_PER_SHARD, LENGTH
from tests.support.dag import ROOT


@dataclass(frozen=True)
class Run:
    """The results of a run of the stage.

    Attributes
    ----------
    folder : Path
        Of the project.
    status : int
        Exit status.
    out, err : str
        What it printed.
    survivors : list of str
        Command lines of processes that it started and that were still there five seconds after it.
    """

    folder: Path
    status: int
    out: str
    err: str
    survivors: list[str]

    def ledger(self, index: pd.DataFrame) -> pd.DataFrame:
        """Read the ledger, by track."""
        return read_ledger(self.folder / "data/waves", requested=index["track_id"].tolist()).set_index("track_id")

    def cache(self) -> Cache:
        """Open the cache, which verifies every shard."""
        return Cache(self.folder / "data/waves", "waves", columns=["scale", "sample_rate"], stage="decode")


def prepare(folder: Path, index: pd.DataFrame, **audio: float) -> None:
    """Write the settings and the index of a small project, whose music lies in data/raw."""
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["audio"].update(ids_per_shard=IDS_PER_SHARD, max_reject_fraction=0.9, **audio)
    params["clip"]["samples"] = LENGTH
    yaml.dump(params, folder / "params.yaml")
    table = folder / "data/index/tracks.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    write_csv(table, index)


def run_stage(folder: Path, script: str = "stages.decode", *, limit_s: float = 60) -> Run:
    """Run the stage in a session of its own; its processes outlive it only as survivors."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", script],
        cwd=folder,
        env=environment,
        text=True,
        encoding="utf-8",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        out, err = process.communicate(timeout=limit_s)
    deadline = time.monotonic() + 5
    while (survivors := list(_session(process.pid))) and time.monotonic() < deadline:
        time.sleep(0.05)
    return Run(folder, process.returncode, out, err, survivors)


def _session(leader: int) -> Iterator[str]:
    """Find the processes of a session."""
    for place in Path("/proc").glob("[0-9]*"):
        try:
            stat = re.sub(r"^.*\) ", "", (place / "stat").read_text(encoding="utf-8", errors="replace"), flags=re.S)
            state, _, _, session = stat.split()[:4]
            if int(session) == leader and state != "Z":
                yield (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
