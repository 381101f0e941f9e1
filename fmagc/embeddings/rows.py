"""Write one row of a shard of embeddings: the mean vector of a cached track."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fmagc.cache.rows import Layout, row_buffer
from fmagc.embeddings.frozen_encoder import FrozenEncoder
from fmagc.embeddings.windows import WindowCutter
from fmagc.errors import Reason, RejectedTrack
from fmagc.runtime.files import damaged, temp_path
from fmagc.runtime.onnx_session import message_of

__all__ = ["SourceRow", "embedding_layout", "mean_vector_row"]


@dataclass(frozen=True)
class SourceRow:
    """One row of the waveform or mel cache, and the row of a shard that is reserved for its vector."""

    track_id: int
    shard: str
    row: int
    digest: str  # of the row that is read
    length: int
    scale: float
    layout: Layout


def mean_vector_row(
    source: SourceRow, *, folder: Path, stage: str, unfinished: Path, encoder: FrozenEncoder, cutter: WindowCutter
) -> str:
    """Write the mean of the vectors of a track's windows, and return the digest of the row.

    Parameters
    ----------
    source : SourceRow
    folder : Path
        Of the cache that is read.
    stage : str
        The stage that made it.
    unfinished : Path
        The folder of the shards that are being made.
    encoder : FrozenEncoder
    cutter : WindowCutter

    Raises
    ------
    RejectedTrack
        When the encoder fails, or a value of the mean is not finite.
    DataError
        When the row that is read is not the one that was stored.
    """
    read = row_buffer(source.layout)
    found = read.read(folder / source.shard, source.row)
    if found != source.digest:
        raise damaged(folder / source.shard, expected=source.digest, found=found, stage=stage)
    windows = cutter.cut(read.values[: source.length], scale=source.scale)
    try:
        vectors = encoder(windows)
    except Exception as error:  # whatever the operations of a user's file raise
        raise RejectedTrack(Reason.ENCODER_FAILED, message_of(error)) from None
    if vectors.shape[1] != encoder.n_values:
        detail = f"expected vectors of {encoder.n_values} values, found {vectors.shape[1]}"
        raise RejectedTrack(Reason.ENCODER_FAILED, detail)
    bad = int((~np.isfinite(vectors).all(axis=1)).sum())
    if bad:
        detail = f"the encoder gives values that are not finite, in {bad} of {len(vectors)} windows"
        raise RejectedTrack(Reason.NON_FINITE, detail)
    written = row_buffer(embedding_layout(encoder.n_values))
    written.values[: encoder.n_values] = vectors.mean(axis=0, dtype=np.float64)
    return written.write(temp_path(unfinished, source.shard), source.row, length=encoder.n_values)


def embedding_layout(n_values: int) -> Layout:
    """Return the layout of shards of vectors of so many values."""
    return Layout.holding(n_values, name="embeddings", dtype="float32")
