"""From waveform shards to mel shards, a shard at a time."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fmagc.audio.mel import LogMel
from fmagc.engine import run_isolated
from fmagc.errors import DataError, RejectedTrack
from fmagc.params.signal import Mel
from fmagc.staging import Piece, Staging, code_digest, piece_key, versions
from fmagc.store.cache import Cache
from fmagc.store.manifest import write_manifest
from fmagc.store.shards import map_rows, pack, read_columns, stack

__all__ = ["make_mels"]

_CODE = ("fmagc.audio.frames", "fmagc.audio.mel", "fmagc.store.mels", "fmagc.store.shards")
_LIBRARIES = ("h5py", "librosa", "numpy", "scipy")
_SHARD_TIMEOUT_S = 3_600.0  # a shard holds a few hundred tracks of some 50 ms each


def make_mels(waves: Cache, settings: Mel, *, staging: Staging, out: Path) -> tuple[int, int]:
    """Make the mel cache of a waveform cache.

    Parameters
    ----------
    waves : Cache
        Of the stage decode.
    settings : Mel
        How a spectrogram is taken.
    staging : Staging
        Keeps finished shards.
    out : Path
        The published cache.

    Returns
    -------
    made, reused : int
        Numbers of shards.

    Raises
    ------
    DataError
        When a worker dies on a shard.
    """
    sample_rate = waves.params["audio"]["sample_rate"]
    made_with = versions(*_LIBRARIES)
    common = {
        "code": code_digest(*_CODE),
        "made_with": made_with,
        "mel": settings.model_dump(),
        "sample_rate": sample_rate,
    }
    keys = {name: piece_key(common | {"shard": shard["digest"]}) for name, shard in waves.shards.items()}
    staged = {name: staging.find(name, key) for name, key in keys.items()}
    missing = [name for name, piece in staged.items() if piece is None]
    made: dict[str, Piece] = {}
    with tqdm(total=sum(waves.shards[name]["rows"] for name in missing), unit="track", desc="mel") as bar:
        for name, image in _shards(waves.folder, missing, settings, sample_rate):
            record = {"track_ids": waves.shards[name]["track_ids"]}
            made[name] = staging.add(name, keys[name], image, record)
            bar.update(waves.shards[name]["rows"])
    pieces = [made.get(name) or piece for name, piece in staged.items()]
    finished = [piece for piece in pieces if piece is not None]
    staging.publish(out, finished)
    params = {"mel": settings.model_dump(), "audio": waves.params["audio"]}
    write_manifest(out, finished, params=params, made_with=made_with)
    return len(made), len(finished) - len(made)


def _shards(folder: Path, names: list[str], settings: Mel, sample_rate: int) -> Iterator[tuple[str, bytes]]:
    work = partial(_mel_shard, settings=settings, sample_rate=sample_rate)
    paths = [folder / name for name in names]
    for outcome in run_isolated(work, paths, timeout_s=_SHARD_TIMEOUT_S):
        if isinstance(outcome.result, RejectedTrack):
            raise DataError(f"{outcome.task}: no spectrograms: {outcome.result.reason}: {outcome.result.detail}")
        yield outcome.task.name, outcome.result


def _mel_shard(path: Path, *, settings: Mel, sample_rate: int) -> bytes:
    """Make the bytes of one mel shard: float16 dB, (rows, frames, bands), and the absolute level of each row's 0 dB."""
    log_mel = LogMel(sample_rate, settings)
    waves = map_rows(path, "waves")
    facts = read_columns(path, "track_id", "length", "scale")
    spectrograms: list[np.ndarray[Any, Any]] = []
    levels: list[float] = []
    for samples, length, scale in zip(waves, facts["length"], facts["scale"], strict=True):
        S_db, ref_db = log_mel(samples[:length] * np.float32(scale))
        spectrograms.append(S_db.astype(np.float16))
        levels.append(ref_db)
    columns = {
        "track_id": facts["track_id"],
        "length": np.array([len(S_db) for S_db in spectrograms], dtype=np.int64),
        "ref_db": np.array(levels, dtype=np.float32),
    }
    return pack("mels", stack(spectrograms), columns)
