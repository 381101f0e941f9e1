"""Measure `dvc commit` of shards by ``core.checksum_jobs`` and by their number: ``python -m tests.bench.checksums``.

For each of ``--shards`` it writes a folder of ``--mb`` in so many files, and in each round commits it once with each of
``--jobs``, as after the stage that made it: DVC knows no digest of it. It prints a line of JSON for each, the median
seconds of the whole command: ``warm`` with the files in memory, ``cold`` when the system was asked to drop them.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_OUT = "data/waves"
_BLOCK = 1 << 24  # bytes


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 8, 100, 400])
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    for n_shards in arguments.shards:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
            project = Path(folder)
            _write(project, n_shards, size=arguments.mb * 10**6 // n_shards)
            seconds = {
                state: _medians(project, arguments.jobs, arguments.rounds, cold=state == "cold")
                for state in ("warm", "cold")
            }
        print(json.dumps({"mb": arguments.mb, "shards": n_shards} | seconds), flush=True)  # noqa: T201


def _write(project: Path, n_shards: int, *, size: int) -> None:
    subprocess.run(["git", "init", "--quiet", project], check=True)
    _dvc(project, "init", "--quiet")
    for key, value in {
        "core.analytics": "false",
        "cache.type": "hardlink",
        "core.site_cache_dir": str(project / "site"),
    }.items():
        _dvc(project, "config", key, value)
    (project / "dvc.yaml").write_text(f"stages:\n  decode: {{cmd: 'true', outs: [{_OUT}]}}\n", encoding="utf-8")
    (project / _OUT).mkdir(parents=True)
    block = os.urandom(_BLOCK)
    for number in range(n_shards):
        with (project / _OUT / f"{number}.h5").open("wb") as file:
            file.write(number.to_bytes(8, "little"))  # no two alike
            while (left := size - file.tell()) > 0:
                file.write(block[:left])


def _medians(project: Path, jobs: Sequence[int], n_rounds: int, *, cold: bool) -> dict[int, float]:
    seconds: dict[int, list[float]] = {n_jobs: [] for n_jobs in jobs}
    for _ in range(n_rounds):
        for n_jobs in jobs:
            _dvc(project, "config", "core.checksum_jobs", str(n_jobs))
            _forget(project)
            for path in (project / _OUT).iterdir():
                _put(path, cold=cold)
            started = time.perf_counter()
            _dvc(project, "commit", "--force", "decode")
            seconds[n_jobs].append(time.perf_counter() - started)
    return {n_jobs: round(statistics.median(each), 2) for n_jobs, each in seconds.items()}


def _forget(project: Path) -> None:
    """Remove all that DVC keeps of the shards."""
    for name in (".dvc/cache", ".dvc/tmp", "site"):
        shutil.rmtree(project / name, ignore_errors=True)
    (project / "dvc.lock").unlink(missing_ok=True)


def _put(path: Path, *, cold: bool) -> None:
    """Have a file in memory, or not."""
    with path.open("rb", buffering=0) as file:
        os.fsync(file.fileno())
        while not cold and file.read(_BLOCK):
            pass
        if cold:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _dvc(project: Path, *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=project, check=True, capture_output=True)


if __name__ == "__main__":
    main()
