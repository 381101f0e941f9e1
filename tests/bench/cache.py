"""Measure the cost of the cache: decode and mel as the stages do them, against the decoder alone and against librosa.

``python -m tests.bench.cache CORPUS`` takes a folder in FMA's layout (it holds the audio folder ``fma_*``). In each
round the three run one after the other over the same files, on all usable cores:

* floor and peer: those of `tests.bench.rivals`;
* ours: the functions of the stages decode and mel, with checksums, ledger, digests, fsync; and `open`, what the next
  stage then spends on opening both caches, which is in no ratio.

The ratios are medians over the rounds. Start and end of processes and the fsyncs are part of ours; a corpus smaller
than ``--tracks`` is therefore gone through several times, under other ids, as part of one run.
"""

import argparse
import json
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from fmagc.cache.build.mels import make_mels
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.manifest import read_manifest
from fmagc.cache.reader import Cache
from fmagc.params.signal import Audio, Clip, Decoder, Mel
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import file_sha1
from fmagc.runtime.worker_pool import usable_cores
from tests.bench.rivals import decode_only, librosa_to_files


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=lambda text: Path(text).resolve())
    parser.add_argument("--tracks", type=int, default=1000, help="of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--decoder", choices=get_args(Decoder), default="soundfile", help="audio.decoder of ours")
    arguments = parser.parse_args()
    files = sorted(arguments.corpus.glob("fma_*/*/*.mp3"))
    if not files:
        sys.exit(f"{arguments.corpus}: expected fma_*/*/*.mp3 below it, found none")
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        corpus = _repeated(files, arguments.tracks)
        rounds = [_round(corpus, Path(folder), arguments.decoder) for _ in range(arguments.rounds)]
    table = {name: statistics.median(times[name] for times in rounds) for name in rounds[0]}
    ours = [times["decode"] + times["mel"] for times in rounds]
    print(  # noqa: T201
        json.dumps(
            {
                "decoder": arguments.decoder,
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


def _round(corpus: pd.DataFrame, folder: Path, decoder: Decoder) -> dict[str, float]:
    paths = corpus["path"].tolist()
    times = {"floor": decode_only(paths).seconds}
    times |= _ours(corpus, folder / "ours", decoder)
    times["peer"] = librosa_to_files(paths, folder / "peer").seconds
    return times


def _ours(corpus: pd.DataFrame, folder: Path, decoder: Decoder) -> dict[str, float]:
    """Time each stage in a process of its own, as DVC runs them: no stage finds the workers of the one before."""
    context = multiprocessing.get_context("spawn")
    times = {}
    for name, stage in STAGES.items():
        with ProcessPoolExecutor(1, mp_context=context) as process:
            times[name] = process.submit(_seconds, partial(stage, corpus, folder, decoder)).result()
    shutil.rmtree(folder)
    return times


def _decode(corpus: pd.DataFrame, folder: Path, decoder: Decoder) -> None:
    audio = Audio(
        sample_rate=44100,
        max_seconds=30.0,
        timeout_s=60.0,
        max_reject_fraction=0.2,
        ids_per_shard=50,
        decoder=decoder,
        fallback="none",
    )
    with ArtifactStore("decode", root=folder) as store:
        make_waves(corpus, raw=Path("/"), audio=audio, clip=Clip(samples=2**19), store=store, out=folder / "w")


def _mel(_: pd.DataFrame, folder: Path, __: Decoder) -> None:
    mel = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
    with ArtifactStore("mel", root=folder) as store:
        make_mels(read_manifest(folder / "w", stage="decode"), mel, store=store, out=folder / "m")


def _open(_: pd.DataFrame, folder: Path, __: Decoder) -> None:
    Cache(folder / "w", "waves", stage="decode")
    Cache(folder / "m", "mels", stage="mel")


STAGES: dict[str, Callable[[pd.DataFrame, Path, Decoder], None]] = {"decode": _decode, "mel": _mel, "open": _open}


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _median_ratio(above: Sequence[float], below: Sequence[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(above, below, strict=True)), 3)


if __name__ == "__main__":
    main()
