"""Conversion of audio files to waveform shards and the ledger."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile

from fmagc.audio.libmpg123 import libmpg123
from fmagc.audio.quantise import most_samples
from fmagc.cache.build.shard_writer import assemble
from fmagc.cache.build.waveform_shard import finish_shard
from fmagc.cache.build.waveform_worker import Request, StoredWave, write_wave
from fmagc.cache.ledger import counts, write_ledger
from fmagc.cache.manifest import found_in_artifact, write_manifest
from fmagc.cache.rows import Layout, create_empty
from fmagc.corpus.local.file_names import FIRST_HASHED_ID
from fmagc.errors import DataError, Reason, RejectedTrack
from fmagc.params.signal import Audio, Clip
from fmagc.paths import LEDGER
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, versions
from fmagc.runtime.dask_pool import Runner
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import temp_path
from fmagc.runtime.worker_pool import map_isolated

__all__ = ["make_waves", "shard_of"]

_PASSING = {
    Reason.MISSING_FILE,
    Reason.NOT_REGULAR_FILE,
    Reason.UNREADABLE_FILE,
    Reason.CHECKSUM_MISMATCH,
    Reason.NO_DECODER,
    Reason.DECODER_DISAGREES,
    Reason.DECODER_CRASHED,
    Reason.DECODER_TIMEOUT,
    Reason.DECODER_OUT_OF_MEMORY,
}
_SHOWN = 10  # rejected tracks in a message
_LIBRARIES = ("h5py", "numpy", "soundfile", "soxr")


def make_waves(
    index: pd.DataFrame,
    *,
    raw: Path,
    audio: Audio,
    clip: Clip,
    store: ArtifactStore,
    out: Path,
    run: Runner = map_isolated,
) -> dict[str, Any]:
    """Decode the tracks of an index into a cache of waveforms.

    Parameters
    ----------
    index : pd.DataFrame
        As `corpus.index.read_index` gives it.
    raw : Path
        The folder that the paths of the index start from.
    audio, clip : Audio, Clip
        How a track is decoded, and how long it must be.
    store : ArtifactStore
        Keeps finished shards.
    out : Path
        The published cache, with ledger.csv.
    run : Runner
        Where tracks are decoded.

    Returns
    -------
    dict
        The counts of the ledger, ``shards_made`` and ``shards_reused``, and ``tracks_tried``, those of the shards made.

    Raises
    ------
    DataError
        When no track, or less than 1 - `audio.max_reject_fraction` of them, could be accepted, or the disk lacks room.
    SettingsError
        When the decoder of the settings is not installed.
    """
    shards = _requests(index, ids_per_shard=audio.ids_per_shard)
    made_with = versions(*_LIBRARIES) | {"libsndfile": soundfile.__libsndfile_version__}
    if audio.decoder == "mpg123":
        made_with["libmpg123"] = libmpg123().version
    settings = {"audio": audio.content(), "clip": clip.model_dump()}
    common = {"code": store.track_code(write_wave, finish_shard), "made_with": made_with} | settings
    keys = {name: artifact_key(common | {"tracks": [vars(r) for r in group]}) for name, group in shards.items()}
    staged = {name: store.find(name, key, found=found_in_artifact) for name, key in keys.items()}
    artifacts = {name: artifact for name, artifact in staged.items() if artifact and not _passing(artifact)}
    missing = {name: group for name, group in shards.items() if name not in artifacts}
    layout = Layout.holding(most_samples(audio), name="waves", dtype="int16")
    n_tracks = sum(len(group) for group in missing.values())
    needed = sum(layout.most_bytes(len(group)) for group in missing.values())
    store.prepare(out, needed, reused=artifacts.values(), what=f"{n_tracks} waveforms")
    log(f"{n_tracks} tracks to decode, up to {needed / 1e9:.2f} GB; {len(artifacts)} of {len(shards)} shards are there")
    work = partial(write_wave, unfinished=store.folder, raw=raw, audio=audio, min_samples=clip.samples, layout=layout)
    artifacts |= assemble(
        work,
        _started(missing, store),
        keep=lambda name, rows: _keep(store, name, keys[name], rows, layout),
        run=run,
        timeout_s=audio.timeout_s,
        n_tracks=n_tracks,
        title="decode",
    )
    ordered = [artifacts[name] for name in shards]
    ledger = [row for artifact in ordered for row in artifact.record["ledger"]]
    summary = counts(pd.DataFrame(ledger))
    _refuse_wrong_dataset(ledger, summary, audio, raw)
    full = [artifact for artifact in ordered if artifact.record["track_ids"]]
    store.publish(out, full)
    write_ledger(out, ledger, requested=index["track_id"].tolist())
    write_manifest(out, full, files=[LEDGER], params=settings, made_with=made_with)
    made = {"shards_made": len(missing), "shards_reused": len(shards) - len(missing), "tracks_tried": n_tracks}
    return summary | made


def _requests(index: pd.DataFrame, *, ids_per_shard: int) -> dict[str, list[Request]]:
    """Give every shard its tracks, in ascending order, and every track a row."""
    columns = index.sort_values("track_id")[["track_id", "path", "sha1", "listed_sha1"]]
    shards: dict[str, list[Request]] = {}
    for track_id, path, sha1, listed_sha1 in columns.itertuples(index=False, name=None):
        name = shard_of(track_id, ids_per_shard=ids_per_shard)
        group = shards.setdefault(name, [])
        group.append(Request(track_id, path, sha1, listed_sha1, name, len(group)))
    return shards


def shard_of(track_id: int, *, ids_per_shard: int) -> str:
    """Return the name of a track's shard; it depends on the id alone, so that no other track can move it.

    FMA's ids are dense and go by ranges. Hashed ids are spread evenly over nine digits, of which the first two make 90
    shards, however large the dataset: one more track remakes a ninetieth.
    """
    per_shard = ids_per_shard if track_id < FIRST_HASHED_ID else FIRST_HASHED_ID // 10
    return f"{track_id // per_shard:03d}.h5"


def _started(shards: dict[str, list[Request]], store: ArtifactStore) -> Iterator[Request]:
    """Start the file of each shard before its first track is handed out."""
    for name, group in shards.items():
        create_empty(temp_path(store.folder, name))
        yield from group


def _passing(artifact: Artifact) -> bool:
    """Check whether a shard lacks a track for a reason that may have passed: one outside the file's own bytes."""
    return any(row["reason"] in _PASSING for row in artifact.record["ledger"])


def _keep(
    store: ArtifactStore,
    name: str,
    key: str,
    outcomes: list[tuple[Request, StoredWave | RejectedTrack]],
    layout: Layout,
) -> Artifact:
    record, digest = finish_shard(temp_path(store.folder, name), name, outcomes, layout)
    return store.commit(name, key, record, digest=digest)


def _refuse_wrong_dataset(ledger: list[dict[str, Any]], summary: dict[str, Any], audio: Audio, raw: Path) -> None:
    """Raise before anything is published when so many tracks are rejected that the dataset root must be wrong."""
    rejected = [row for row in ledger if row["status"] == "rejected"]
    if len(rejected) == len(ledger) or len(rejected) > audio.max_reject_fraction * len(ledger):
        shown = "".join(
            f"\n  track {row['track_id']} ({row['path']}): {row['reason']}: {row['detail']}"
            for row in rejected[:_SHOWN]
        )
        raise DataError(
            f"{raw}: expected at most {audio.max_reject_fraction:.0%} of {len(ledger)} tracks to be rejected "
            f"(audio.max_reject_fraction), found {len(rejected)}: {summary['rejected']}, the first of them{shown}\n"
            "Look at the dataset root, then run `dvc repro -f fetch` and `dvc repro`."
        )
