"""Run a frozen encoder once over the cache: shards of embeddings, and a ledger of the tracks."""

from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fmagc.cache.build.shard_writer import assemble
from fmagc.cache.ledger import read_accepted, write_ledger
from fmagc.cache.ledger_rows import accepted_row, rejected_row
from fmagc.cache.manifest import Manifest, found_in_artifact, write_manifest
from fmagc.cache.rows import create_empty
from fmagc.cache.shards import layout_of, read_columns
from fmagc.cache.verified import VerifiedShards
from fmagc.embeddings.encoder_file import read_file
from fmagc.embeddings.frozen_encoder import FrozenEncoder
from fmagc.embeddings.rows import SourceRow, embedding_layout, mean_vector_row
from fmagc.embeddings.runtimes import libraries, load_encoder
from fmagc.embeddings.shard import finish_shard
from fmagc.embeddings.windows import WindowCutter
from fmagc.errors import DataError, Reason, RejectedTrack
from fmagc.params.encoders import Encoder
from fmagc.params.signal import Mel, Waveform
from fmagc.paths import LEDGER
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, versions
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import temp_path
from fmagc.runtime.worker_pool import TaskResult

__all__ = ["make_embeddings"]

Task = TypeVar("Task")
Value = TypeVar("Value")

_LIBRARIES = ("h5py", "numpy", "soxr")
_SHOWN = 10  # rejected tracks in a message


def make_embeddings(
    name: str,
    settings: Encoder,
    *,
    waves: Manifest,
    mels: Manifest,
    store: ArtifactStore,
    out: Path,
    threads: int,
    max_reject_fraction: float,
) -> dict[str, Any]:
    """Make the embeddings of all tracks of a cache.

    Parameters
    ----------
    name : str
        Key of the encoder in ``encoders``.
    settings : Encoder
        Its file is loaded only where a shard is missing.
    waves, mels : Manifest
        The caches; what is read of one is verified.
    store : ArtifactStore
        Keeps finished shards.
    out : Path
        The published embeddings, with ledger.csv.
    threads : int
        Of the encoder's arithmetic.
    max_reject_fraction : float
        Above it the encoder is wrong, not the tracks.

    Returns
    -------
    dict
        ``shards_made``, ``shards_reused``, ``tracks_tried``, ``accepted`` and ``rejected``.

    Raises
    ------
    SettingsError
        When the file is not the one of the settings, or not an encoder that can be used (`FrozenEncoder`).
    DataError
        When a shard is damaged, too many tracks have no vector, or the disk lacks room.
    """
    source = mels if settings.input == "mel" else waves
    waveform = Waveform.model_validate({key: waves.params["audio"][key] for key in Waveform.model_fields})
    cutter = WindowCutter.of(settings, waveform=waveform, mel=Mel.model_validate(mels.params["mel"]))
    content = read_file(name, settings)
    made_with = versions(*_LIBRARIES, *libraries(content))
    common = {
        "code": store.track_code(mean_vector_row, finish_shard),
        "made_with": made_with,
        "encoder": settings.content(),
        "threads": threads,
        "window": [cutter.rate, cutter.floor, *cutter.shape],
    }
    keys = {shard: artifact_key(common | {"shard": entry.digest}) for shard, entry in source.shards.items()}
    staged = {shard: store.find(shard, key, found=found_in_artifact) for shard, key in keys.items()}
    artifacts = {shard: artifact for shard, artifact in staged.items() if artifact and not _failed(artifact)}
    missing = [shard for shard in source.shards if shard not in artifacts]
    n_tracks = sum(source.shards[shard].rows for shard in missing)
    if missing:
        execute = load_encoder(content, path=settings.path, threads=threads)
        encoder = FrozenEncoder(name, execute, window=cutter.shape, batch_size=settings.batch_size)
        needed = sum(embedding_layout(encoder.n_values).most_bytes(source.shards[shard].rows) for shard in missing)
        store.prepare(out, needed, reused=artifacts.values(), what=f"{n_tracks} embeddings")
        log(f"{n_tracks} tracks to embed; {len(artifacts)} of {len(keys)} shards are there")
        work = partial(
            mean_vector_row,
            folder=source.folder,
            stage=source.stage,
            unfinished=store.folder,
            encoder=encoder,
            cutter=cutter,
        )
        with VerifiedShards(source.folder).reading({shard: source.shards[shard].digest for shard in missing}):
            artifacts |= assemble(
                work,
                _sources(source, missing, store, is_mel=settings.input == "mel"),
                keep=lambda shard, rows: _keep(store, shard, keys[shard], rows, encoder),
                run=_run_here,
                timeout_s=0.0,
                n_tracks=n_tracks,
                title=f"embed {name}",
            )
    ordered = [artifacts[shard] for shard in source.shards]
    paths = read_accepted(waves.folder)
    rejected = {int(track_id): why for made in ordered for track_id, why in made.record["rejected"].items()}
    _refuse_wrong_encoder(name, rejected, n_tracks=len(paths), limit=max_reject_fraction)
    full = [artifact for artifact in ordered if artifact.record["track_ids"]]
    store.publish(out, full)
    write_ledger(out, _ledger(full, rejected, paths), requested=list(paths))
    write_manifest(out, full, files=[LEDGER], params={"encoder": settings.content()}, made_with=made_with)
    return {
        "shards_made": len(missing),
        "shards_reused": len(ordered) - len(missing),
        "tracks_tried": n_tracks,
        "accepted": len(paths) - len(rejected),
        "rejected": len(rejected),
    }


def _sources(source: Manifest, names: list[str], store: ArtifactStore, *, is_mel: bool) -> Iterator[SourceRow]:
    """List the rows of some shards, starting the file of each new shard before its first row is handed out."""
    for name in names:
        source.verify_structure(name)  # a row is compared with its digest where it is read
        path = source.folder / name
        layout = layout_of(path, "mels" if is_mel else "waves")
        columns = read_columns(path, "track_id", "digest", "length", *([] if is_mel else ["scale"]))
        scales = [1.0] * len(columns["length"]) if is_mel else columns["scale"].tolist()
        create_empty(temp_path(store.folder, name))
        rows = zip(*(columns[key].tolist() for key in ("track_id", "digest", "length")), scales, strict=True)
        for row, (track_id, digest, length, scale) in enumerate(rows):
            yield SourceRow(track_id, name, row, digest.decode(), length, scale, layout)


def _run_here(
    function: Callable[[Task], Value], tasks: Iterable[Task], *, timeout_s: float
) -> Generator[TaskResult[Task, Value], None, None]:
    """Run tasks in this process, without a limit: an encoder has threads of its own, and perhaps a GPU."""
    for task in tasks:
        try:
            result: Value | RejectedTrack = function(task)
        except RejectedTrack as rejection:
            result = rejection
        yield TaskResult(task=task, result=result)


def _keep(
    store: ArtifactStore,
    name: str,
    key: str,
    outcomes: list[tuple[SourceRow, str | RejectedTrack]],
    encoder: FrozenEncoder,
) -> Artifact:
    record, digest = finish_shard(temp_path(store.folder, name), outcomes, n_values=encoder.n_values)
    return store.commit(name, key, record, digest=digest)


def _failed(artifact: Artifact) -> bool:
    """Check whether the encoder failed on a track, as for want of memory: that may have passed."""
    return any(reason == Reason.ENCODER_FAILED for reason, _ in artifact.record["rejected"].values())


def _ledger(
    shards: list[Artifact], rejected: dict[int, tuple[str, str]], paths: dict[int, str]
) -> list[dict[str, Any]]:
    accepted = [
        accepted_row(track_id, path=paths[track_id], shard=made.name, row=row, flags=(), decoder="", detail="")
        for made in shards
        for row, track_id in enumerate(made.record["track_ids"])
    ]
    return accepted + [
        rejected_row(track_id, path=paths[track_id], reason=reason, detail=detail)
        for track_id, (reason, detail) in rejected.items()
    ]


def _refuse_wrong_encoder(name: str, rejected: dict[int, tuple[str, str]], *, n_tracks: int, limit: float) -> None:
    """Raise before anything is published when so many tracks have no vector that the encoder must be wrong."""
    if rejected and (len(rejected) == n_tracks or len(rejected) > limit * n_tracks):
        shown = "".join(
            f"\n  track {track_id}: {reason}: {detail}"
            for track_id, (reason, detail) in list(rejected.items())[:_SHOWN]
        )
        raise DataError(
            f"encoders.{name}: expected vectors of at least {1 - limit:.0%} of {n_tracks} tracks "
            f"(audio.max_reject_fraction), found none for {len(rejected)}, the first of them{shown}\n"
            "Mend the export, write its new digest, and run `dvc repro` again."
        )
