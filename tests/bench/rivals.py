"""Rivals of the cache over the same files, on all usable cores: the decoder alone, and what people write with librosa.

* floor: one ``mpg123 -t`` a core, which decodes and throws away;
* peer: librosa.load, librosa's log-mel and np.save of both, over a warm joblib pool.
"""

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np

from fmagc.runtime.worker_pool import usable_cores

__all__ = ["Cost", "decode_only", "librosa_to_files"]


@dataclass(frozen=True)
class Cost:
    """The cost of some work.

    Attributes
    ----------
    seconds : float, s
        From beginning to end.
    core_s : float, s
        Time of a core, in all processes: other programs on the machine touch it less.
    """

    seconds: float
    core_s: float


def decode_only(paths: Sequence[str]) -> Cost:
    """Decode files with mpg123, a process for each core."""
    mpg123 = shutil.which("mpg123") or sys.exit("mpg123 is needed for the floor: install your system's package")

    def decode(share: Sequence[str]) -> None:
        subprocess.run([mpg123, "-q", "-t", *share], check=False, stderr=subprocess.DEVNULL)

    n_cores = usable_cores()
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    with ThreadPoolExecutor(n_cores) as pool:
        list(pool.map(decode, [paths[core::n_cores] for core in range(n_cores)]))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    core_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.perf_counter() - started, core_s)


def librosa_to_files(paths: Sequence[str], folder: Path) -> Cost:
    """Decode files and transform them with librosa, and save both below a folder, which is then removed."""
    folder.mkdir()
    jobs = [joblib.delayed(_track)(path, folder / str(number)) for number, path in enumerate(paths)]
    with joblib.Parallel(usable_cores()) as pool:
        pool(jobs[: usable_cores()])  # workers up, librosa imported
        started = time.perf_counter()
        core_s = sum(pool(jobs))
        seconds = time.perf_counter() - started
    shutil.rmtree(folder)
    return Cost(seconds, core_s)


def _track(path: str, target: Path) -> float:
    """Make one track; return its time of a core."""
    import librosa

    began = time.process_time()
    try:
        y, sr = librosa.load(path, sr=None, mono=True)
    except Exception:  # what the peer does with a broken file: it goes on without it
        return time.process_time() - began
    S = librosa.feature.melspectrogram(y=y, sr=sr, n_fft=4096, hop_length=1024, n_mels=128)
    np.save(f"{target}.wave.npy", y)
    np.save(f"{target}.mel.npy", librosa.power_to_db(S, ref=np.max))
    return time.process_time() - began
