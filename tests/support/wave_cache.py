"""Caches of made-up waveforms with their spectrograms, as decode and mel publish them."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmagc.cache.build.mels import make_mels
from fmagc.cache.ledger import write_ledger
from fmagc.cache.ledger_rows import accepted_row
from fmagc.cache.manifest import Manifest, read_manifest, write_manifest
from fmagc.params.signal import Mel
from fmagc.paths import LEDGER
from fmagc.runtime.artifact_store import ArtifactStore
from tests.support.audio_files import SETTINGS
from tests.support.caches import stage_shard

MEL = Mel(n_fft=1024, hop_length=512, n_mels=32, fmin=0.0, fmax=None, top_db=80.0)
SCALE = 2.0**-15


def publish_waves(data: Path, tracks: dict[int, NDArray[np.int16]], *, tracks_per_shard: int) -> Manifest:
    """Write a waveform cache of these samples, each with the scale `SCALE`, and return its manifest."""
    ids = list(tracks)
    groups = [ids[first : first + tracks_per_shard] for first in range(0, len(ids), tracks_per_shard)]
    with ArtifactStore("decode", root=data / "store") as store:
        shards = []
        for number, group in enumerate(groups):
            rows = {track_id: tracks[track_id] for track_id in group}
            shards.append(stage_shard(store, f"{number:03d}.h5", "waves", rows, scale=[SCALE] * len(group)))
        store.publish(data / "waves", shards)
    rows = [
        accepted_row(id, path=f"{id}.mp3", shard=f"{number:03d}.h5", row=row, flags=(), decoder="", detail="")
        for number, group in enumerate(groups)
        for row, id in enumerate(group)
    ]
    write_ledger(data / "waves", rows, requested=ids)
    params = {"audio": SETTINGS.content(), "clip": {"samples": 2**15}}
    write_manifest(data / "waves", shards, params=params, made_with={}, files=[LEDGER])
    return read_manifest(data / "waves", stage="decode")


def publish_mels(data: Path, waves: Manifest) -> Manifest:
    """Make the mel cache of it."""
    with ArtifactStore("mel", root=data / "store") as store:
        make_mels(waves, MEL, store=store, out=data / "mels")
    return read_manifest(data / "mels", stage="mel")
