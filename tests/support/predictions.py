"""Predictions from plain lists, as tests write them down."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.predictions import Predictions
from tests.support.labels import single


def predictions_of(
    probabilities: Any,
    *,
    track_ids: Any,
    artist_ids: Any,
    sets: Any,
    clips: Any,
    labels: Any,
    genres: Iterable[str],
    **names: Any,
) -> Predictions:
    """Make the predictions of one seed, each track of one genre; `names` are ``protocol``, ``model`` and ``seed``."""
    columns = {"track_id": track_ids, "artist_id": artist_ids, "set": sets, "clip": clips, "label": labels}
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    return Predictions.of_clips(probabilities, table.astype({"clip": int}), labelling=single(genres), **names)


def read_predictions(root: Path, model: str, *, protocol: str = "official") -> pd.DataFrame:
    """Read what a run below `root` predicted, as a table."""
    return Predictions.read(root / "data/predictions" / protocol / f"{model}.h5", stage="evaluate").table()
