"""Predictions from plain lists, as tests write them down."""

from typing import Any

import numpy as np
import pandas as pd

from fmagc.evaluation.predictions import Predictions


def predictions_of(
    probabilities: Any, *, track_ids: Any, artist_ids: Any, sets: Any, clips: Any, labels: Any, **names: Any
) -> Predictions:
    """Make the predictions of one seed; `names` are ``genres``, ``protocol``, ``model`` and ``seed``."""
    columns = {"track_id": track_ids, "artist_id": artist_ids, "set": sets, "clip": clips, "label": labels}
    table = pd.DataFrame({name: np.asarray(values) for name, values in columns.items()})
    return Predictions.of_clips(probabilities, table.astype({"clip": int}), **names)
