"""Measure what a user waits for, DVC included, by the number of tracks: ``python -m tests.bench.scale LIST``.

For each of ``--tracks`` it writes a stand-in for FMA-small (`tests.bench.standin` says what LIST is) and a copy of the
project, runs ``dvc repro stats`` there, and checks that every track is accounted for: accepted with its listed length,
to one MPEG frame, or rejected for the right reason. It prints two lines of JSON. The first is of ``dvc repro stats``:

* ``vs_floor``: its time over that of the decoder alone, and ``vs_peer``: the time of librosa over its own, both of the
  same files on the same cores (`tests.bench.rivals`); ``core_vs_floor`` and ``core_vs_peer``, the same of core seconds;
* ``seconds``: of the whole command, of each stage, and of DVC, which is what the stages leave: its start, the digests
  of what a stage has made, its cache; ``again``, of the same command when nothing has changed; and how DVC's share lies
  before and after the stages, ``dvc_seconds_after``;
* ``core_seconds``: the same as time of a core, which other programs on the machine touch less;
* ``peak_mib``: of DVC, and of each stage its own process and the largest of its workers; stats maps the shards into
  memory, and the system takes their pages back when it needs them;
* ``disk_mb``: what each stage leaves, and what lies in the project's folder in all, a file with several names once.

The second is of opening the caches as the stages after stats do (`tests.bench.openings`). Several ``--tracks`` end with
a third line, ``ratio``: the cost of a track in the last run, in both kinds of seconds, by that in the first; above 1 it
grows.

FMA's subsets share one range of ids, so more tracks are fuller shards, not more of them. Everything is written below
the current folder and removed: 8,000 tracks take 33 GB.
"""

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fmagc.cache.ledger import read_ledger
from fmagc.cache.manifest import read_manifest
from fmagc.cache.shards import read_columns
from fmagc.corpus.index import read_index
from fmagc.errors import Reason
from fmagc.runtime.worker_pool import usable_cores
from tests.bench.openings import measure_openings
from tests.bench.rivals import decode_only, librosa_to_files
from tests.bench.standin import NAME, Listed, read_list, thinned, write_standin
from tests.bench.watch import Seen, watch, workers_of
from tests.support.project import Project, copy_files

OUTS = {
    "fetch": "data/raw.json",
    "index": "data/index",
    "decode": "data/waves",
    "mel": "data/mels",
    "stats": "data/stats",
}
_EVERY_S = 0.05
_MPEG_FRAME = 1152  # samples; the middle of a file is taken by its header, which may promise a frame too many


def main() -> None:
    """Measure, check and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--tracks", type=int, nargs="+", default=[500, 2000, 8000])
    arguments = parser.parse_args()
    listed = read_list(arguments.list)
    runs = []
    for n_tracks in sorted(arguments.tracks):
        with tempfile.TemporaryDirectory(prefix="bench-", dir=Path.cwd()) as folder:
            runs.append(measure(Path(folder), thinned(listed, n_tracks)))
            print(json.dumps(runs[-1]))  # noqa: T201
            opened = measure_openings(Path(folder, "project"))
            print(json.dumps({"tracks": n_tracks} | opened), flush=True)  # noqa: T201
    if len(runs) > 1:
        print(json.dumps({"ratio": _ratios(runs)}))  # noqa: T201


def measure(folder: Path, tracks: Sequence[Listed]) -> dict[str, Any]:
    """Run the stages on a stand-in of these tracks; everything lies below the folder."""
    write_standin(folder / "corpus", tracks)
    project = copy_files(folder / "project", lambda params: params["dataset"].update(name=NAME, root="../corpus"))
    project.dvc("config", "--local", "core.site_cache_dir", str(folder / "site"))  # what DVC would keep elsewhere
    seen = _watched(project, folder / "log")
    again = _watched(project, folder / "log")
    seconds, core_seconds = _seconds(seen), _core_seconds(seen)
    paths = [str(path) for path in sorted((folder / "corpus" / NAME).rglob("*.mp3"))]
    floor, peer = decode_only(paths), librosa_to_files(paths, folder / "peer")
    core_s = sum(core_seconds.values())
    return {
        "tracks": len(tracks),
        "cores": usable_cores(),
        "vs_floor": round(seconds["all"] / floor.seconds, 3),
        "vs_peer": round(peer.seconds / seconds["all"], 3),
        "core_vs_floor": round(core_s / floor.core_s, 3),
        "core_vs_peer": round(peer.core_s / core_s, 3),
        "rejected": check(project.root / "data", tracks),
        "seconds": seconds | {"again": round(max(it.last_s for it in again.values()), 2)},
        "dvc_seconds_after": _gaps(seen),
        "core_seconds": core_seconds | {"again": round(sum(it.core_s for it in again.values()), 2)},
        "peak_mib": _peaks(seen),
        "disk_mb": {stage: _disk_mb(project.root / out) for stage, out in OUTS.items()}
        | {
            "corpus": _disk_mb(folder / "corpus"),
            "project": _disk_mb(project.root),
            "dvc_state": _disk_mb(folder / "site"),
        },
    }


def check(data: Path, tracks: Sequence[Listed]) -> dict[str, str]:
    """Compare what became of every track with the list; return the reason of each rejected one."""
    requested = read_index(data / "index/tracks.csv")["track_id"].tolist()
    assert requested == [track.track_id for track in tracks]
    ledger = read_ledger(data / "waves", requested=requested).set_index("track_id")
    rejected = ledger.loc[ledger["status"] == "rejected", "reason"].to_dict()
    assert rejected == {
        track.track_id: Reason.TOO_SHORT if track.kind else Reason.NO_AUDIO for track in tracks if track.bad
    }
    manifest = read_manifest(data / "waves", stage="decode")
    audio = manifest.params["audio"]
    lengths = {}
    for name in manifest.shards:
        columns = read_columns(data / "waves" / name, "track_id", "length")
        lengths |= dict(zip(columns["track_id"].tolist(), columns["length"].tolist(), strict=True))
    assert lengths.keys() == {track.track_id for track in tracks if not track.bad}
    for track in tracks:
        if not track.bad:
            kept = min(track.n_samples, round(audio["max_seconds"] * track.sr))
            short = kept * audio["sample_rate"] / track.sr - lengths[track.track_id]
            assert -1 <= short <= _MPEG_FRAME, track
    return {str(track_id): str(reason) for track_id, reason in rejected.items()}


def _watched(project: Project, log: Path) -> dict[int, Seen]:
    """Run `dvc repro stats` and watch its processes, DVC's own first."""
    command = [sys.executable, "-m", "dvc", "repro", "stats"]
    with log.open("w", encoding="utf-8") as output, project.start(command, output=output) as process:
        seen = watch(process, every_s=_EVERY_S)
    assert process.returncode == 0, log.read_text(encoding="utf-8")
    return seen


def _stages(seen: dict[int, Seen]) -> dict[str, int]:
    """Find the process of each stage, in the order in which they ran."""
    found: dict[str, int] = {}
    for pid, it in sorted(seen.items(), key=lambda item: item[1].first_s):
        if match := re.match(r"\S*python\S* -m stages\.(\w+)", it.command):
            found.setdefault(match[1], pid)  # a child of it may have been seen before it started its own program
    assert found.keys() == OUTS.keys()
    return found


def _seconds(seen: dict[int, Seen]) -> dict[str, float]:
    took = {stage: seen[pid].last_s - seen[pid].first_s for stage, pid in _stages(seen).items()}
    whole = max(it.last_s for it in seen.values())
    return {name: round(s, 2) for name, s in ({"all": whole} | took | {"dvc": whole - sum(took.values())}).items()}


def _gaps(seen: dict[int, Seen]) -> dict[str, float]:
    """Tell how long DVC took before the first stage and after each."""
    stages = _stages(seen)
    ends = [0.0] + [seen[pid].last_s for pid in stages.values()]
    starts = [seen[pid].first_s for pid in stages.values()] + [max(it.last_s for it in seen.values())]
    return {name: round(b - a, 2) for name, a, b in zip(["start", *stages], ends, starts, strict=True)}


def _core_seconds(seen: dict[int, Seen]) -> dict[str, float]:
    """Add up the time of the processes of each stage; DVC's are those that belong to none."""
    names = {pid: stage for stage, pid in _stages(seen).items()}
    total = dict.fromkeys([*names.values(), "dvc"], 0.0)
    for pid, it in seen.items():
        place = pid
        while place not in names and place in seen:
            place = seen[place].parent
        total[names.get(place, "dvc")] += it.core_s
    return {name: round(s, 2) for name, s in total.items()}


def _peaks(seen: dict[int, Seen]) -> dict[str, dict[str, float]]:
    stages = _stages(seen)
    peaks = {stage: {"own": seen[pid].peak_mib, "workers": workers_of(pid, seen)} for stage, pid in stages.items()}
    return {"dvc": {"own": seen[next(iter(seen))].peak_mib}} | peaks


def _disk_mb(path: Path) -> float:
    """Measure what a file, or all below a folder, takes on the disk; a file with several names once."""
    entries = [path, *path.rglob("*")] if path.is_dir() else [path]
    found = {entry.lstat().st_ino: entry.lstat().st_blocks for entry in entries}
    return round(sum(found.values()) * 512 / 1e6, 2)


def _ratios(runs: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Compare the cost of a track in the last run with that in the first."""
    first, last = runs[0], runs[-1]
    return {
        kind: {
            name: round(last[kind][name] / last["tracks"] / (first[kind][name] / first["tracks"]), 3)
            for name in first[kind]
        }
        for kind in ("seconds", "core_seconds")
    }


if __name__ == "__main__":
    main()
