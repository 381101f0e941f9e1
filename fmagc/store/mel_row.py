"""One row of a mel shard: what a worker of the stage mel does, and no more than that takes to import."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from fmagc.audio.mel import LogMel
from fmagc.files import damaged
from fmagc.params.signal import Mel
from fmagc.staging import draft_path
from fmagc.store.rows import Layout, row_buffer

__all__ = ["Source", "Stored", "write_mel"]


@dataclass(frozen=True)
class Source:
    """One waveform and where it lies; its spectrogram takes the same row of the mel shard of the same name."""

    shard: str
    row: int
    digest: str  # of the waveform's row
    length: int
    scale: float
    waves: Layout
    mels: Layout


@dataclass(frozen=True)
class Stored:
    """What the columns of a shard say of a row that was written."""

    digest: str  # of the row
    ref_db: float  # absolute level of its 0 dB


def write_mel(source: Source, *, folder: Path, drafts: Path, settings: Mel, sample_rate: int) -> Stored:
    """Take a spectrogram and write it as float16 dB.

    Parameters
    ----------
    source : Source
    folder : Path
        Of the waveform cache.
    drafts : Path
        The folder of the shards that are being made.
    settings : Mel
    sample_rate : int, Hz

    Raises
    ------
    DataError
        When the waveform is not the one that was stored.
    """
    waveform, spectrogram = row_buffer(source.waves), row_buffer(source.mels)
    found = waveform.read(folder / source.shard, source.row)
    if found != source.digest:
        raise damaged(folder / source.shard, expected=source.digest, found=found, made_by="decode")
    y = waveform.values[: source.length] * np.float32(source.scale)
    S_db, ref_db = _log_mel(sample_rate, settings)(y)
    spectrogram.values[: len(S_db)] = S_db
    digest = spectrogram.write(draft_path(drafts, source.shard), source.row, length=len(S_db))
    return Stored(digest, ref_db)


@lru_cache(maxsize=1)
def _log_mel(sample_rate: int, settings: Mel) -> LogMel:
    return LogMel(sample_rate, settings)
