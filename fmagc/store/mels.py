"""From waveform shards to mel shards."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from fmagc.audio.frames import n_frames
from fmagc.audio.mel import LogMel
from fmagc.console import say
from fmagc.errors import DataError, RejectedTrack
from fmagc.params.signal import Mel
from fmagc.staging import Piece, Staging, draft_path, piece_key, versions
from fmagc.store.assembly import assemble
from fmagc.store.manifest import Manifest, Shard, write_manifest
from fmagc.store.shards import Array, Layout, layout_of, read_columns, row_buffer, seal, start

__all__ = ["make_mels"]

_CODE = (
    "fmagc.audio.bands",
    "fmagc.audio.filterbank",
    "fmagc.audio.frames",
    "fmagc.audio.mel",
    "fmagc.direct",
    "fmagc.store.mels",
    "fmagc.store.shards",
)
_LIBRARIES = ("h5py", "llvmlite", "numba", "numpy")
_TIMEOUT_S = 600.0  # a track takes some 20 ms, the first one a compilation


@dataclass(frozen=True)
class Source:
    """One waveform and where it lies; its spectrogram takes the same row of the mel shard of the same name."""

    shard: str
    row: int
    length: int
    scale: float
    waves: Layout
    mels: Layout


def make_mels(waves: Manifest, settings: Mel, *, staging: Staging, out: Path) -> dict[str, int]:
    """Make the mel cache of a waveform cache.

    Parameters
    ----------
    waves : Manifest
        Of the stage decode; each of its shards is verified before it is read.
    settings : Mel
        How a spectrogram is taken.
    staging : Staging
        Keeps finished shards.
    out : Path
        The published cache.

    Returns
    -------
    dict
        ``shards_made``, ``shards_reused``, and ``tracks``, those of the shards made.

    Raises
    ------
    DataError
        When a waveform shard is damaged, a worker dies on a track, or the disk lacks room.
    """
    sample_rate = waves.params["audio"]["sample_rate"]
    made_with = versions(*_LIBRARIES)
    common = {
        "code": staging.watch(*_CODE),
        "made_with": made_with,
        "mel": settings.model_dump(),
        "sample_rate": sample_rate,
    }
    keys = {name: piece_key(common | {"shard": shard.digest}) for name, shard in waves.shards.items()}
    staged = {name: staging.find(name, key) for name, key in keys.items()}
    pieces = {name: piece for name, piece in staged.items() if piece}
    missing = [name for name in waves.shards if name not in pieces]
    n_tracks = sum(waves.shards[name].rows for name in missing)
    needed = sum(_layout(waves.shards[name], settings).most_bytes(waves.shards[name].rows) for name in missing)
    staging.prepare(out, needed, reused=pieces.values(), what=f"{n_tracks} spectrograms")
    say(f"{n_tracks} spectrograms to take, up to {needed / 1e9:.2f} GB; {len(pieces)} of {len(keys)} shards are there")
    work = partial(_mel_row, folder=waves.folder, drafts=staging.folder, settings=settings, sample_rate=sample_rate)
    pieces |= assemble(
        work,
        _sources(waves, missing, settings, staging),
        keep=lambda name, rows: _keep(staging, keys[name], waves.shards[name], rows, settings),
        timeout_s=_TIMEOUT_S,
        n_tracks=n_tracks,
        title="mel",
    )
    finished = [pieces[name] for name in waves.shards]
    staging.publish(out, finished)
    params = {"mel": settings.model_dump(), "audio": waves.params["audio"]}
    write_manifest(out, finished, params=params, made_with=made_with)
    return {"shards_made": len(missing), "shards_reused": len(finished) - len(missing), "tracks": n_tracks}


def _sources(waves: Manifest, names: list[str], settings: Mel, staging: Staging) -> Iterator[Source]:
    """List the rows of verified shards, starting the file of each mel shard before its first row is handed out."""
    with ThreadPoolExecutor(1) as ahead:
        for name, _ in zip(names, ahead.map(waves.verify, names), strict=True):
            path, mels = waves.folder / name, _layout(waves.shards[name], settings)
            facts, layout = read_columns(path, "length", "scale"), layout_of(path, "waves")
            start(draft_path(staging.folder, name))
            for row, (length, scale) in enumerate(zip(facts["length"].tolist(), facts["scale"].tolist(), strict=True)):
                yield Source(name, row, length, scale, layout, mels)


def _layout(shard: Shard, settings: Mel) -> Layout:
    longest = n_frames(shard.longest, hop_length=settings.hop_length)
    return Layout.holding(longest, name="mels", dtype="float16", inner=(settings.n_mels,))


@lru_cache(maxsize=1)
def _log_mel(sample_rate: int, settings: Mel) -> LogMel:
    return LogMel(sample_rate, settings)


def _mel_row(source: Source, *, folder: Path, drafts: Path, settings: Mel, sample_rate: int) -> float:
    """Run in a worker: take a spectrogram, write it as float16 dB, and return the absolute level of its 0 dB."""
    samples = row_buffer(source.waves).read(folder / source.shard, source.row, length=source.length)
    S_db, ref_db = _log_mel(sample_rate, settings)(samples * np.float32(source.scale))
    buffer = row_buffer(source.mels)
    buffer.values[: len(S_db)] = S_db
    buffer.write(draft_path(drafts, source.shard), source.row, length=len(S_db))
    return ref_db


def _keep(
    staging: Staging, key: str, shard: Shard, rows: list[tuple[Source, float | RejectedTrack]], settings: Mel
) -> Piece:
    """Make the mel shard of the rows that were written."""
    levels = []
    for source, ref_db in rows:
        if isinstance(ref_db, RejectedTrack):
            raise DataError(
                f"track {shard.track_ids[source.row]}: expected a spectrogram, found {ref_db.reason}: {ref_db.detail}; "
                "run `dvc repro` again: the other shards are kept"
            )
        levels.append(ref_db)
    name, layout = rows[0][0].shard, rows[0][0].mels
    lengths = [n_frames(source.length, hop_length=settings.hop_length) for source, _ in rows]
    columns: dict[str, Array] = {
        "track_id": np.array(shard.track_ids, dtype=np.int64),
        "length": np.array(lengths, dtype=np.int64),
        "ref_db": np.array(levels, dtype=np.float32),
    }
    kept = [source.row for source, _ in rows]
    seal(draft_path(staging.folder, name), layout, kept=kept, longest=max(lengths), columns=columns)
    return staging.keep(name, key, {"track_ids": shard.track_ids, "longest": max(lengths)})
