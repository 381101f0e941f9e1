"""The statistics of one protocol on disk: data/stats/<protocol>.json."""

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from fmagc.cache.reader import Cache
from fmagc.cache.statistics import LEAST_SPREAD, LEAST_SPREAD_DB, Moments, Normalisation, waveform_moments
from fmagc.errors import DataError
from fmagc.runtime.files import read_record

__all__ = ["STATS", "measure", "read_normalisation"]

STATS = Path("data/stats")


def measure(waves: Cache, mels: Cache, training: Collection[int]) -> dict[str, Any]:
    """Measure the training tracks of both caches.

    Parameters
    ----------
    waves, mels : Cache
        With the facts ``scale`` and none.
    training : Collection of int
        Ids of the training set; those that decode rejected are passed over.

    Returns
    -------
    dict
        ``tracks``, and a `Normalisation` for ``waveform`` and ``mel``, as plain values.

    Raises
    ------
    DataError
        When no training track is in the cache, or one is in that of the waveforms alone, or has no finite spectrogram.
    """
    wanted = set(training)
    tracks = [track_id for track_id in waves.track_ids if track_id in wanted]
    if not tracks:
        raise DataError(f"{waves.folder}: expected tracks of the training set, found none: see ledger.csv there")
    lost = sorted(set(tracks) - set(mels.track_ids))
    if lost:
        raise DataError(
            f"{mels.folder}: expected the tracks of {waves.folder}, found none of track {lost[0]}: run `dvc repro`"
        )
    waveform: list[Moments] = []
    mel: list[Moments] = []
    for track_id in tqdm(tracks, unit="track", desc="stats"):
        row = waves[track_id]
        waveform.append(waveform_moments(row.read(), row.columns["scale"]))
        mel.append(Moments.of(mels[track_id].read()))
        if not np.isfinite(mel[-1].mean).all():
            raise DataError(
                f"{mels.folder}: expected finite dB, found others in track {track_id}: run `dvc repro -f mel`"
            )
    normalisations = {
        "waveform": Normalisation.from_moments(Moments.merged(waveform), least_spread=LEAST_SPREAD),
        "mel": Normalisation.from_moments(Moments.merged(mel), least_spread=LEAST_SPREAD_DB),
    }
    return {"tracks": len(tracks)} | {view: asdict(value) for view, value in normalisations.items()}


def read_normalisation(protocol: str) -> dict[str, Normalisation]:
    """Read the z-scores of ``waveform`` and ``mel``."""
    found = read_record(STATS / f"{protocol}.json", stage=f"stats@{protocol}")
    return {view: Normalisation(**found[view]) for view in ("waveform", "mel")}
