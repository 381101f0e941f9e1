"""Write one row of a waveform shard in a worker of the stage decode; imports only what the worker needs."""

from dataclasses import dataclass
from pathlib import Path

from fmagc.audio.decode import decode
from fmagc.cache.moments import integer_sums
from fmagc.cache.rows import Layout, row_buffer
from fmagc.params.signal import Audio
from fmagc.runtime.files import temp_path

__all__ = ["Request", "StoredWave", "write_wave"]


@dataclass(frozen=True)
class Request:
    """One row of the index, with the row of a shard that is reserved for it."""

    track_id: int
    path: str
    sha1: str
    listed_sha1: str
    shard: str
    row: int


@dataclass(frozen=True)
class StoredWave:
    """The values of a written row in the ledger and in the columns of its shard."""

    digest: str  # of the row
    length: int
    scale: float
    sample_rate: int
    decoder: str
    sum: int  # of the samples
    sum_of_squares: int
    sha1: str  # of the MP3
    flags: tuple[str, ...]
    detail: str


def write_wave(
    request: Request, *, unfinished: Path, raw: Path, audio: Audio, min_samples: int, layout: Layout
) -> StoredWave:
    """Decode a track and write it to its row.

    Parameters
    ----------
    request : Request
    unfinished : Path
        The folder of the shards that are being made.
    raw : Path
        The folder that the paths of the index start from.
    audio : Audio
    min_samples : int, samples
        Of a clip.
    layout : Layout
        Of the rows.

    Raises
    ------
    RejectedTrack
        As `decode` does; nothing was written.
    """
    buffer = row_buffer(layout)
    decoded = decode(
        raw / request.path,
        expected_sha1=request.sha1,
        listed_sha1=request.listed_sha1,
        settings=audio,
        min_samples=min_samples,
        out=buffer.values,
        decoder=audio.decoder,
        fallback=audio.fallback,
    )
    length = len(decoded.samples)
    total, squares = integer_sums(decoded.samples)
    digest = buffer.write(temp_path(unfinished, request.shard), request.row, length=length)
    return StoredWave(
        digest,
        length,
        decoded.scale,
        decoded.sample_rate,
        decoded.decoder,
        total,
        squares,
        decoded.sha1,
        decoded.flags,
        decoded.detail,
    )
