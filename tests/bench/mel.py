"""One log-mel spectrogram against librosa's, on one thread: ``python -m tests.bench.mel [MP3 ...]``.

Without files, the signal is synthetic music of 30 s. Each round takes both, one after the other; the ratio is the
median over all rounds of all files.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import librosa
import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from fmagc.audio.log_mel import LogMel
from fmagc.params.signal import Mel
from tests.support.audio_files import music

SR = 44_100
SETTINGS = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
ROUNDS = 9


def librosas(y: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take the spectrogram the usual way."""
    power = librosa.feature.melspectrogram(
        y=y, sr=SR, n_fft=SETTINGS.n_fft, hop_length=SETTINGS.hop_length, n_mels=SETTINGS.n_mels
    )
    return librosa.power_to_db(power, ref=np.max)


def main(files: list[str]) -> None:
    """Print the line."""
    signals = [librosa.load(file, sr=SR)[0] for file in files] or [music(30 * SR, channels=1)[:, 0].astype(np.float32)]
    log_mel = LogMel(SR, SETTINGS)
    pairs, errors = [], []
    with threadpool_limits(1):
        for y in signals:
            errors.append(float(np.abs(log_mel(y)[0] - librosas(y)[:, :-1].T).max()))
            pairs += [(_seconds(log_mel, y), _seconds(librosas, y)) for _ in range(ROUNDS)]
    line = {
        "vs_librosa": round(median(ours / theirs for ours, theirs in pairs), 3),
        "ms": round(1000 * median(ours for ours, _ in pairs), 2),
        "librosa_ms": round(1000 * median(theirs for _, theirs in pairs), 2),
        "largest_difference_db": max(errors),
    }
    print(json.dumps(line))  # noqa: T201


def _seconds(work: Callable[[NDArray[np.float32]], Any], y: NDArray[np.float32]) -> float:
    started = time.perf_counter()
    work(y)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1:])
