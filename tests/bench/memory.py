"""Measure the memory of decode and mel: the peak of the parent and of each worker, for few tracks and for many.

``python -m tests.bench.memory`` runs both stages on 200 and on 2,000 little MP3s (a few of them, under many ids) and
prints one line of JSON: peak resident sets in MiB, and their ratio, the largest worker against the largest worker.
"""

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.watch import watch, workers_of
from tests.support.small_project import OUT_OF, Small, write_index, write_small

_ROLES = ("parent", "workers")
_EVERY_S = 0.01


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, nargs=2, default=(200, 2000), metavar=("FEW", "MANY"))
    few, many = parser.parse_args().tracks
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(compare(Path(folder), few=few, many=many)))  # noqa: T201


def compare(folder: Path, *, few: int, many: int) -> dict[str, dict[str, Any]]:
    """Measure both stages on few tracks and on many.

    Returns
    -------
    dict
        By stage: ``few`` and ``many``, each with ``parent`` and ``workers`` (MiB), and the ratios ``parent`` and
        ``worker`` of many to few.
    """
    small = write_small(folder / "little")
    sources = [path for path in sorted((small.root / "data/raw/little").iterdir()) if path.stat().st_size > 1000]
    small.change("audio", ids_per_shard=1000)
    peaks: dict[str, dict[str, dict[str, list[float]]]] = {stage: {} for stage in OUT_OF}
    for name, n_tracks in (("few", few), ("many", many)):
        _multiply(small, sources, n_tracks)
        for stage, measured in peaks.items():
            measured[name] = _peaks(small, stage)
    return {
        stage: measured
        | {f"{role}_ratio": round(max(measured["many"][role]) / max(measured["few"][role]), 3) for role in _ROLES}
        for stage, measured in peaks.items()
    }


def _multiply(small: Small, sources: list[Path], n_tracks: int) -> None:
    """Put a few files on the shelf under consecutive ids, and forget what was made of others."""
    raw = small.root / "data/raw"
    (raw / "many").mkdir()
    for track_id in range(n_tracks):
        (raw / f"many/{track_id}.mp3").hardlink_to(sources[track_id % len(sources)])
    shutil.rmtree(raw / "little")
    (raw / "many").rename(raw / "little")
    write_index(small)
    sources[:] = [raw / f"little/{number}.mp3" for number in range(len(sources))]
    for name in ("waves", "mels", ".staging"):
        shutil.rmtree(small.root / "data" / name, ignore_errors=True)


def _peaks(small: Small, stage: str) -> dict[str, list[float]]:
    """Run a stage and watch its processes."""
    with tempfile.TemporaryFile() as log, small.start(f"stages.{stage}", stdout=log, stderr=log) as process:
        seen = watch(process, every_s=_EVERY_S)
        assert process.returncode == 0, log.seek(0) or log.read()
    workers = workers_of(process.pid, seen)
    assert workers, f"no worker of {stage} lived as long as a look at all processes takes: give it more tracks"
    return {"parent": [seen[process.pid].peak_mib], "workers": workers}


if __name__ == "__main__":
    main()
