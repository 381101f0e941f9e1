"""Predictions of a model that is often right, and the names of their tracks: what an error analysis is made of."""

import numpy as np
import pandas as pd

from fmagc.evaluation.predictions import Predictions
from tests.support.predictions import predictions_of

GENRES = ["Folk", "Pop", "Rock", "Soul-RnB"]
N_TRACKS = 90


def predictions(*, seeds=(0,), clips=2, labels=None):
    rng = np.random.default_rng(3)
    labels = np.repeat(rng.integers(0, 4, N_TRACKS) if labels is None else labels, clips)
    tables = []
    for seed in seeds:
        p = np.random.default_rng(seed).dirichlet(np.ones(4), len(labels))
        p[np.arange(len(p)), labels] += 0.3
        made = predictions_of(
            p / p.sum(axis=1, keepdims=True),
            protocol="official",
            model="crnn",
            seed=seed,
            track_ids=np.repeat(np.arange(N_TRACKS) + 100, clips),
            artist_ids=np.repeat(np.arange(N_TRACKS) // 2, clips),
            sets=np.repeat(["test", "test", "val"] * (N_TRACKS // 3), clips).tolist(),
            clips=np.tile(np.arange(clips), N_TRACKS),
            labels=labels,
            genres=GENRES,
        )
        tables.append(made)
    return Predictions.concatenate(tables)


NAMES = pd.DataFrame(
    {"track_id": np.arange(N_TRACKS) + 100, "artist": "A|<b>x</b> *y*", "title": [f"T{n}" for n in range(N_TRACKS)]}
)
