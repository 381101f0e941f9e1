"""From MP3s to waveform shards and the ledger."""

from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from tqdm import tqdm

from fmagc.audio.decode import Decoded, decode
from fmagc.engine import run_isolated
from fmagc.errors import DataError, Reason, RejectedTrack
from fmagc.params.signal import Audio, Clip
from fmagc.staging import Piece, Staging, code_digest, piece_key, versions
from fmagc.store.ledger import accepted_row, counts, rejected_row, write_ledger
from fmagc.store.manifest import write_manifest
from fmagc.store.shards import Array, pack, stack

__all__ = ["make_waves"]

_CODE = ("fmagc.audio.decode", "fmagc.audio.mpeg", "fmagc.store.shards", "fmagc.store.waves")
_PASSING = {
    Reason.MISSING_FILE,
    Reason.NOT_REGULAR_FILE,
    Reason.CHECKSUM_MISMATCH,
    Reason.DECODER_CRASHED,
    Reason.DECODER_TIMEOUT,
    Reason.DECODER_OUT_OF_MEMORY,
}
_SHOWN = 10  # rejected tracks in a message
_LIBRARIES = ("h5py", "numpy", "soundfile", "soxr")


@dataclass(frozen=True)
class Request:
    """One row of the index, with the shard that it belongs to."""

    track_id: int
    path: str
    sha1: str
    listed_sha1: str
    shard: str


def make_waves(
    index: pd.DataFrame, *, raw: Path, audio: Audio, clip: Clip, staging: Staging, out: Path
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
    staging : Staging
        Keeps finished shards.
    out : Path
        The published cache, with ledger.csv.

    Returns
    -------
    dict
        The counts of the ledger, and ``shards_made`` and ``shards_reused``.

    Raises
    ------
    DataError
        When no track, or less than 1 - `audio.max_reject_fraction` of them, could be accepted.
    """
    columns = index[["track_id", "path", "sha1", "listed_sha1"]].itertuples(index=False, name=None)
    requests = [
        Request(track_id, path, sha1, listed_sha1, f"{track_id // audio.ids_per_shard:03d}.h5")
        for track_id, path, sha1, listed_sha1 in columns
    ]
    requests.sort(key=lambda request: request.track_id)
    shards = {name: list(group) for name, group in groupby(requests, key=lambda request: request.shard)}
    made_with = versions(*_LIBRARIES) | {"libsndfile": soundfile.__libsndfile_version__}
    settings = {"audio": audio.content(), "clip": clip.model_dump()}
    common = {"code": code_digest(*_CODE), "made_with": made_with} | settings
    keys = {name: piece_key(common | {"tracks": [vars(r) for r in group]}) for name, group in shards.items()}
    staged = {name: staging.find(name, key) for name, key in keys.items()}
    pieces = {name: piece for name, piece in staged.items() if piece and not _passing(piece)}
    missing = [request for request in requests if request.shard not in pieces]
    made = 0
    work = partial(_decode, raw=raw, audio=audio, min_samples=clip.samples)
    outcomes = tqdm(
        run_isolated(work, missing, timeout_s=audio.timeout_s), total=len(missing), unit="track", desc="decode"
    )
    for name, group in groupby(outcomes, key=lambda outcome: outcome.task.shard):
        rows = [(outcome.task, outcome.result) for outcome in group]
        pieces[name] = _keep(staging, name, keys[name], rows)
        made += 1
    ordered = [pieces[name] for name in shards]
    ledger = [row for piece in ordered for row in piece.record["ledger"]]
    summary = counts(pd.DataFrame(ledger))
    _refuse_wrong_shelf(ledger, summary, audio, raw)
    full = [piece for piece in ordered if piece.record["track_ids"]]
    staging.publish(out, full)
    write_ledger(out, ledger, requested=index["track_id"].tolist())
    write_manifest(out, full, params=settings, made_with=made_with)
    return summary | {"shards_made": made, "shards_reused": len(shards) - made}


def _decode(request: Request, *, raw: Path, audio: Audio, min_samples: int) -> Decoded:
    return decode(
        raw / request.path,
        expected_sha1=request.sha1,
        listed_sha1=request.listed_sha1,
        settings=audio,
        min_samples=min_samples,
    )


def _passing(piece: Piece) -> bool:
    """Tell whether a shard lacks a track for a reason that may be gone: one that the file's bytes do not decide."""
    return any(row["reason"] in _PASSING for row in piece.record["ledger"])


def _keep(staging: Staging, name: str, key: str, outcomes: list[tuple[Request, Decoded | RejectedTrack]]) -> Piece:
    """Put one shard into the staging folder; a shard without an accepted track is an empty file with a record."""
    ledger: list[dict[str, Any]] = []
    accepted: list[tuple[int, Decoded]] = []
    for request, outcome in outcomes:
        if isinstance(outcome, RejectedTrack):
            ledger.append(rejected_row(request.track_id, reason=outcome.reason, detail=outcome.detail))
        else:
            row = accepted_row(
                request.track_id, shard=name, row=len(accepted), flags=outcome.flags, detail=outcome.detail
            )
            ledger.append(row)
            accepted.append((request.track_id, outcome))
    record = {"track_ids": [track_id for track_id, _ in accepted], "ledger": ledger}
    return staging.add(name, key, _pack(accepted) if accepted else b"", record)


def _pack(accepted: list[tuple[int, Decoded]]) -> bytes:
    decoded = [track for _, track in accepted]
    columns: dict[str, Array] = {
        "track_id": np.array([track_id for track_id, _ in accepted], dtype=np.int64),
        "length": np.array([len(track.samples) for track in decoded], dtype=np.int64),
        "scale": np.array([track.scale for track in decoded], dtype=np.float32),
        "sample_rate": np.array([track.sample_rate for track in decoded], dtype=np.int64),
        "decoder": np.array([track.decoder.encode() for track in decoded]),
        "sha1": np.array([track.sha1.encode() for track in decoded]),
    }
    return pack("waves", stack([track.samples for track in decoded]), columns)


def _refuse_wrong_shelf(ledger: list[dict[str, Any]], summary: dict[str, Any], audio: Audio, raw: Path) -> None:
    """Stop before anything is published when so much is rejected that the shelf must be wrong."""
    rejected = [row for row in ledger if row["status"] == "rejected"]
    if len(rejected) == len(ledger) or len(rejected) > audio.max_reject_fraction * len(ledger):
        shown = "".join(f"\n  track {row['track_id']}: {row['reason']}: {row['detail']}" for row in rejected[:_SHOWN])
        raise DataError(
            f"{raw}: expected at most {audio.max_reject_fraction:.0%} of {len(ledger)} tracks to be rejected "
            f"(audio.max_reject_fraction), found {len(rejected)}: {summary['rejected']}, the first of them{shown}\n"
            "Look at the shelf, then run `dvc repro -f fetch` and `dvc repro`."
        )
