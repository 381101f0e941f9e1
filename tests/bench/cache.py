"""Measure the cost of the cache: decode and mel as the stages do them, against the decoder alone and against librosa.

``python -m tests.bench.cache CORPUS`` takes a folder in FMA's layout (it holds the audio folder ``fma_*``). In each
round the three run one after the other over the same files, on all usable cores:

* floor: one ``mpg123 -t`` a core, which decodes and throws away;
* ours: the functions of the stages decode and mel, with checksums, ledger, digests, fsync; and `open`, what the next
  stage then spends on the digests of both caches, which is in no ratio;
* peer: librosa.load, librosa's log-mel and np.save of both, over a warm joblib pool.

The ratios are medians over the rounds. Start and end of processes and the fsyncs are part of ours; a corpus smaller
than ``--tracks`` is therefore gone through several times, under other ids, as part of one run.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd

from fmagc.cache.build.mels import make_mels
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.manifest import read_manifest
from fmagc.cache.reader import Cache
from fmagc.params.signal import Audio, Clip, Mel
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import file_sha1
from fmagc.runtime.worker_pool import usable_cores


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=lambda text: Path(text).resolve())
    parser.add_argument("--tracks", type=int, default=1000, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    files = sorted(arguments.corpus.glob("fma_*/*/*.mp3"))
    if not files:
        sys.exit(f"{arguments.corpus}: expected fma_*/*/*.mp3 below it, found none")
    floor_of = shutil.which("mpg123") or sys.exit("mpg123 is needed for the floor: install your system's package")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        corpus = _repeated(files, arguments.tracks)
        rounds = [_round(corpus, Path(folder), floor_of) for _ in range(arguments.rounds)]
    table = {name: statistics.median(times[name] for times in rounds) for name in rounds[0]}
    ours = [times["decode"] + times["mel"] for times in rounds]
    print(  # noqa: T201
        json.dumps(
            {
                "vs_floor": _median_ratio(ours, [times["floor"] for times in rounds]),
                "vs_peer": _median_ratio([times["peer"] for times in rounds], ours),
                "tracks": len(corpus),
                "cores": usable_cores(),
                "ms_a_track": {name: round(1000 * seconds / len(corpus), 2) for name, seconds in table.items()},
            }
        )
    )


def _repeated(files: Sequence[Path], n_tracks: int) -> pd.DataFrame:
    """Make an index of the files, several times over where they are few."""
    listed = {path: file_sha1(path) for path in files}
    rows = [
        {"track_id": 1 + number, "path": str(path), "sha1": listed[path], "listed_sha1": ""}
        for number, path in enumerate(islice(cycle(files), max(n_tracks, len(files))))
    ]
    return pd.DataFrame(rows)


def _round(corpus: pd.DataFrame, folder: Path, mpg123: str) -> dict[str, float]:
    paths = corpus["path"].tolist()
    times = {"floor": _seconds(lambda: _floor(paths, mpg123))}
    times |= _ours(corpus, folder / "ours")
    times["peer"] = _peer(paths, folder / "peer")
    return times


def _floor(paths: list[str], mpg123: str) -> None:
    def decode(share: list[str]) -> None:
        subprocess.run([mpg123, "-q", "-t", *share], check=False, stderr=subprocess.DEVNULL)

    n_cores = usable_cores()
    with ThreadPoolExecutor(n_cores) as pool:
        list(pool.map(decode, [paths[core::n_cores] for core in range(n_cores)]))


def _ours(corpus: pd.DataFrame, folder: Path) -> dict[str, float]:
    """Time each stage in a process of its own, as DVC runs them: no stage finds the workers of the one before."""
    context = multiprocessing.get_context("spawn")
    times = {}
    for name, stage in STAGES.items():
        with ProcessPoolExecutor(1, mp_context=context) as process:
            times[name] = process.submit(_seconds, partial(stage, corpus, folder)).result()
    shutil.rmtree(folder)
    return times


def _decode(corpus: pd.DataFrame, folder: Path) -> None:
    audio = Audio(
        sample_rate=44100,
        max_seconds=30.0,
        timeout_s=60.0,
        max_reject_fraction=0.2,
        ids_per_shard=50,
        decoder="soundfile",
        fallback="none",
    )
    with ArtifactStore("decode", root=folder) as store:
        make_waves(corpus, raw=Path("/"), audio=audio, clip=Clip(samples=2**19), store=store, out=folder / "w")


def _mel(corpus: pd.DataFrame, folder: Path) -> None:
    mel = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
    with ArtifactStore("mel", root=folder) as store:
        make_mels(read_manifest(folder / "w", stage="decode"), mel, store=store, out=folder / "m")


def _open(corpus: pd.DataFrame, folder: Path) -> None:
    Cache(folder / "w", "waves", stage="decode")
    Cache(folder / "m", "mels", stage="mel")


STAGES: dict[str, Callable[[pd.DataFrame, Path], None]] = {"decode": _decode, "mel": _mel, "open": _open}


def _peer(paths: list[str], folder: Path) -> float:
    folder.mkdir()
    jobs = [joblib.delayed(_peer_track)(path, folder / str(number)) for number, path in enumerate(paths)]
    with joblib.Parallel(usable_cores()) as pool:
        pool(jobs[: usable_cores()])  # workers up, librosa imported
        seconds = _seconds(lambda: pool(jobs))
    shutil.rmtree(folder)
    return seconds


def _peer_track(path: str, target: Path) -> None:
    import librosa

    try:
        y, sr = librosa.load(path, sr=None, mono=True)
    except Exception:  # what the peer does with a broken file: it goes on without it
        return
    S = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=4096, hop_length=1024, n_mels=128)
    np.save(f"{target}.wave.npy", y)
    np.save(f"{target}.mel.npy", librosa.power_to_db(S, ref=np.max))


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 3)


if __name__ == "__main__":
    main()
