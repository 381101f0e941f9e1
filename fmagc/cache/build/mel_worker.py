"""Write one row of a mel shard in a worker of the stage mel; imports only what the worker needs."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.float16 import to_float16
from fmagc.audio.log_mel import LogMel, compile_log_mel
from fmagc.cache.moments import Moments
from fmagc.cache.rows import Layout, row_buffer
from fmagc.params.signal import Mel
from fmagc.runtime.files import damaged, temp_path

__all__ = ["StoredMel", "WaveRow", "compile_mel", "spectrogram", "write_mel"]


@dataclass(frozen=True)
class WaveRow:
    """One waveform and where it lies; its spectrogram takes the same row of the mel shard of the same name."""

    shard: str
    row: int
    digest: str  # of the waveform's row
    length: int
    scale: float
    waves: Layout
    mels: Layout


@dataclass(frozen=True)
class StoredMel:
    """The values of a written row in the columns of its shard."""

    digest: str  # of the row
    ref_db: float  # absolute level of its 0 dB
    moments: Moments  # of what is stored, by band


def write_mel(source: WaveRow, *, folder: Path, unfinished: Path, settings: Mel, sample_rate: int) -> StoredMel:
    """Compute a spectrogram and write it as float16 dB.

    Parameters
    ----------
    source : WaveRow
    folder : Path
        Of the waveform cache.
    unfinished : Path
        The folder of the shards that are being made.
    settings : Mel
    sample_rate : int, Hz

    Raises
    ------
    DataError
        When the waveform is not the one that was stored.
    """
    waveform, frames = row_buffer(source.waves), row_buffer(source.mels)
    found = waveform.read(folder / source.shard, source.row)
    if found != source.digest:
        raise damaged(folder / source.shard, expected=source.digest, found=found, stage="decode")
    S_db, ref_db = spectrogram(
        waveform.values[: source.length], source.scale, settings=settings, sample_rate=sample_rate
    )
    frames.values[: len(S_db)] = to_float16(S_db)
    moments = Moments.of(frames.values[: len(S_db)])
    digest = frames.write(temp_path(unfinished, source.shard), source.row, length=len(S_db))
    return StoredMel(digest, ref_db, moments)


def compile_mel(*, settings: Mel, sample_rate: int) -> None:
    """Compile what the first call of `write_mel` would otherwise wait for, or load it from the disk."""
    compile_log_mel(sample_rate, settings)
    to_float16(np.zeros(1, dtype=np.float32))


def spectrogram(
    samples: NDArray[np.int16], scale: float, *, settings: Mel, sample_rate: int
) -> tuple[NDArray[np.float32], float]:
    """Compute the spectrogram of a stored waveform; see `LogMel`."""
    return _log_mel(sample_rate, settings)(samples, scale=scale)


@lru_cache(maxsize=1)
def _log_mel(sample_rate: int, settings: Mel) -> LogMel:
    return LogMel(sample_rate, settings)
