"""A small folder ``data`` as a finished run leaves it: index, both caches, statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fmagc.audio.log_mel import LogMel
from fmagc.cache.ledger import write_ledger
from fmagc.cache.ledger_rows import accepted_row, rejected_row
from fmagc.cache.manifest import write_manifest
from fmagc.cache.normalisation import Normalisation
from fmagc.params.signal import Mel
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import write_record
from fmagc.runtime.tables import write_csv
from tests.support.caches import stage_shard
from tests.support.labels import flat

SR = 44_100
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
CLIP_SAMPLES = 2**16
GENRES = ("Folk", "Rock")
SETS = ("train",) * 5 + ("val",) * 2 + ("test",) * 2
IDS = tuple(range(2, 2 + len(SETS)))
REJECTED = 99


def write_data(folder: Path) -> None:
    """Write tracks of some two seconds: Folk sings, Rock is noise; and one track that decode rejected."""
    rng = np.random.default_rng(0)
    tracks = {}
    for number, track_id in enumerate(IDS):
        t = np.arange(90_000 + 1_000 * number) / SR
        tracks[track_id] = 0.3 * np.sin(2 * np.pi * 440 * t) if number % 2 == 0 else 0.1 * rng.standard_normal(len(t))
    write_tracks(folder, tracks, sets=SETS, clip_samples=CLIP_SAMPLES, rejected=[REJECTED])


def write_tracks(
    folder: Path,
    tracks: Mapping[int, NDArray[np.floating]],
    *,
    sets: Sequence[str],
    clip_samples: int,
    rejected: Sequence[int] = (),
) -> None:
    """Write waveforms, at `SR`, and their spectrograms; even ids are Folk, odd ones Rock.

    Parameters
    ----------
    folder : Path
        The folder ``data``.
    tracks : mapping of int to np.ndarray [shape=(n,), float]
        By id; full scale is 1.
    sets : sequence of str
        Of each track.
    clip_samples : int
    rejected : sequence of int
        Ids of training tracks that have a row in the ledger and no samples.
    """
    log_mel = LogMel(SR, MEL)
    waves, mels, scales, levels = {}, {}, [], []
    for track_id, y in tracks.items():
        scale = np.float32(abs(y).max() / 32_767)
        samples = np.rint(y / scale).astype(np.int16)
        S_db, ref_db = log_mel(samples * scale)
        waves[track_id], mels[track_id] = samples, S_db.astype(np.float16)
        scales.append(float(scale))
        levels.append(ref_db)
    audio = {"sample_rate": SR, "max_seconds": 30.0, "ids_per_shard": 1000}
    clip = {"samples": clip_samples}
    ids = [*tracks, *rejected]
    _write_index(folder / "index", ids, [*sets, *["train"] * len(rejected)])
    rows = [
        accepted_row(track_id, path=f"{track_id}.mp3", shard="000.h5", row=row, flags=(), decoder="any", detail="")
        for row, track_id in enumerate(tracks)
    ]
    rows += [rejected_row(n, path=f"{n}.mp3", reason="too_short", detail="9 samples") for n in rejected]
    _publish(folder / "waves", waves, {"audio": audio, "clip": clip}, ledger=rows, scale=scales)
    _publish(folder / "mels", mels, {"audio": audio, "clip": clip, "mel": MEL.model_dump()}, ref_db=levels)
    z_scores = {"waveform": Normalisation([0.01], [0.2], []), "mel": Normalisation([-40.0] * 128, [20.0] * 128, [])}
    write_record(folder / "stats" / "official.json", {view: asdict(values) for view, values in z_scores.items()})


def _write_index(folder: Path, ids: Sequence[int], sets: Sequence[str]) -> None:
    (folder / "splits").mkdir(parents=True)
    paths = [f"{track_id}.mp3" for track_id in ids]
    names = {"artist": [f"Artist {n}" for n in ids], "title": [f"Song {n}" for n in ids]}
    split = {"genre": [GENRES[n % 2] for n in ids], "artist_id": ids, "set": sets}
    for name, columns in (
        ("tracks", {"path": paths, "sha1": "", "listed_sha1": ""}),
        ("names", names),
        ("splits/official", split),
    ):
        write_csv(folder / f"{name}.csv", pd.DataFrame({"track_id": ids} | columns))
    write_csv(folder / "genres.csv", flat(GENRES))


def _publish(
    folder: Path,
    rows: Mapping[int, NDArray[Any]],
    params: Mapping[str, Any],
    *,
    ledger: Sequence[dict[str, Any]] = (),
    **columns: Sequence[float],
) -> None:
    with ArtifactStore(folder.name, root=folder.parent / "store") as store:
        shard = stage_shard(store, "000.h5", folder.name, rows, **columns)
        store.publish(folder, [shard])
        if ledger:
            write_ledger(folder, ledger, requested=[row["track_id"] for row in ledger])
        write_manifest(folder, [shard], params=params, made_with={}, files=["ledger.csv"] if ledger else [])
