"""Conversion of waveform shards to mel shards."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fmagc.cache.build.mel_shard import finish_shard
from fmagc.cache.build.mel_worker import StoredMel, WaveRow, compile_mel, write_mel
from fmagc.cache.build.shard_writer import assemble
from fmagc.cache.manifest import Manifest, Shard, found_in_artifact, write_manifest
from fmagc.cache.rows import Layout, create_empty
from fmagc.cache.shards import layout_of, read_columns
from fmagc.cache.verified import VerifiedShards
from fmagc.errors import DataError, Reason, RejectedTrack
from fmagc.params.signal import Mel, n_frames
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, versions
from fmagc.runtime.dask_pool import Runner
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import temp_path
from fmagc.runtime.worker_pool import Prepared, map_isolated

__all__ = ["make_mels"]

_LIBRARIES = ("h5py", "llvmlite", "numba", "numpy")
_TIMEOUT_S = 600.0  # a track takes some 20 ms


def make_mels(
    waves: Manifest, settings: Mel, *, store: ArtifactStore, out: Path, run: Runner = map_isolated
) -> dict[str, int]:
    """Make the mel cache of a waveform cache.

    Parameters
    ----------
    waves : Manifest
        Of the stage decode; what is read of it is verified.
    settings : Mel
        How a spectrogram is computed.
    store : ArtifactStore
        Keeps finished shards.
    out : Path
        The published cache.
    run : Runner
        Where spectrograms are computed.

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
        "code": store.track_code(write_mel, finish_shard),
        "made_with": made_with,
        "mel": settings.model_dump(),
        "sample_rate": sample_rate,
    }
    keys = {name: artifact_key(common | {"shard": shard.digest}) for name, shard in waves.shards.items()}
    staged = {name: store.find(name, key, found=found_in_artifact) for name, key in keys.items()}
    artifacts = {name: artifact for name, artifact in staged.items() if artifact}
    missing = [name for name in waves.shards if name not in artifacts]
    n_tracks = sum(waves.shards[name].rows for name in missing)
    needed = sum(_layout(waves.shards[name], settings).most_bytes(waves.shards[name].rows) for name in missing)
    store.prepare(out, needed, reused=artifacts.values(), what=f"{n_tracks} spectrograms")
    log(
        f"{n_tracks} spectrograms to take, up to {needed / 1e9:.2f} GB; "
        f"{len(artifacts)} of {len(keys)} shards are there"
    )
    work = partial(write_mel, folder=waves.folder, unfinished=store.folder, settings=settings, sample_rate=sample_rate)
    with VerifiedShards(waves.folder).reading({name: waves.shards[name].digest for name in missing}):
        artifacts |= assemble(
            Prepared(work, partial(compile_mel, settings=settings, sample_rate=sample_rate)),
            _sources(waves, missing, settings, store),
            keep=lambda name, rows: _keep(store, keys[name], waves.shards[name], rows, settings),
            run=run,
            timeout_s=_TIMEOUT_S,
            n_tracks=n_tracks,
            title="mel",
        )
    finished = [artifacts[name] for name in waves.shards]
    store.publish(out, finished)
    params = {"mel": settings.model_dump(), "audio": waves.params["audio"]}
    write_manifest(out, finished, params=params, made_with=made_with)
    return {"shards_made": len(missing), "shards_reused": len(finished) - len(missing), "tracks": n_tracks}


def _sources(waves: Manifest, names: list[str], settings: Mel, store: ArtifactStore) -> Iterator[WaveRow]:
    """List the rows of some shards, starting the file of each mel shard before its first row is handed out."""
    for name in names:
        waves.verify_structure(name)  # a row is compared with its digest where it is read
        path, mels = waves.folder / name, _layout(waves.shards[name], settings)
        layout = layout_of(path, "waves")
        columns = read_columns(path, "digest", "length", "scale")
        create_empty(temp_path(store.folder, name))
        for row, (digest, length, scale) in enumerate(
            zip(*(columns[column].tolist() for column in columns), strict=True)
        ):
            yield WaveRow(name, row, digest.decode(), length, scale, layout, mels)


def _layout(shard: Shard, settings: Mel) -> Layout:
    longest = n_frames(shard.longest, hop_length=settings.hop_length)
    return Layout.holding(longest, name="mels", dtype="float16", inner=(settings.n_mels,))


def _keep(
    store: ArtifactStore, key: str, shard: Shard, rows: list[tuple[WaveRow, StoredMel | RejectedTrack]], settings: Mel
) -> Artifact:
    """Commit the mel shard of the rows that were written."""
    stored = []
    for source, outcome in rows:
        if isinstance(outcome, RejectedTrack):
            is_waveform = outcome.reason == Reason.NON_FINITE
            again = "`dvc repro -f decode`, then `dvc repro`" if is_waveform else "`dvc repro` again"
            raise DataError(
                f"track {shard.track_ids[source.row]} in {source.shard}: expected a spectrogram, found "
                f"{outcome.reason}: {outcome.detail}; run {again}: the other shards are kept"
            )
        stored.append((source, outcome))
    name = rows[0][0].shard
    record, digest = finish_shard(
        temp_path(store.folder, name), shard.track_ids, stored, hop_length=settings.hop_length
    )
    return store.commit(name, key, record, digest=digest)
