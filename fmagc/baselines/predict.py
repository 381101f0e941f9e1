"""Fit a baseline to clips of the cache and predict the others."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from fmagc.baselines.fitting import Classifier
from fmagc.baselines.registry import Recipe
from fmagc.cache.clip_positions import clip_table, with_labels
from fmagc.cache.reader import Cache
from fmagc.evaluation.predictions import Predictions
from fmagc.params.signal import n_frames
from fmagc.tasks.task import labels_of

__all__ = ["predict_tracks"]


def predict_tracks(
    name: str,
    recipe: Recipe,
    mels: Cache,
    split: pd.DataFrame,
    *,
    protocol: str,
    clip_samples: int,
    n_clips: int,
    crop: str,
) -> tuple[Predictions, Classifier]:
    """Fit a baseline to the training clips of a split, and predict those of validation and test.

    Parameters
    ----------
    name : str
        Of the baseline.
    recipe : Recipe
        Its features and its classifier.
    mels : Cache
        With the column ``ref_db``.
    split : pd.DataFrame
        As `corpus.index.read_split` gives it.
    protocol : str
        Name of the split.
    clip_samples, n_clips : int
        Length of a clip, and how many of each track: the clips that the networks are evaluated on.
    crop : str
        As in `cache.clip_positions.clip_table`; random clips are those of seed 0.

    Returns
    -------
    predictions : Predictions
        Of clips of validation and test.
    classifier : Classifier
        The fitted baseline.

    Raises
    ------
    DataError
        As `Recipe.require` and `fitting.fit_machine` do.
    """
    labels = labels_of(split)
    clip_frames = n_frames(clip_samples, hop_length=mels.params["mel"]["hop_length"])
    tracks = with_labels(split, mels.lengths, labels=labels)
    clips = clip_table(tracks, clip_frames=clip_frames, n_clips=n_clips, crop=crop)
    y, sets = clips["label"].to_numpy(), clips["set"].to_numpy()
    train, val = sets == "train", sets == "val"
    recipe.require(name, int(train.sum()), labels=labels)
    X = np.empty((len(clips), 0))
    if recipe.features:
        places = tqdm(list(zip(clips["track_id"], clips["start"], strict=True)), unit="clip", desc=name)
        X = np.stack([recipe.features(_absolute_db(mels, track_id, start, clip_frames)) for track_id, start in places])
    classifier = recipe.fit(X[train], y[train], X[val], y[val], labels=labels)
    p = classifier.predict_proba(X[~train])
    predictions = Predictions.of_clips(p, clips[~train], labelling=labels, protocol=protocol, model=name, seed=0)
    return predictions, classifier


def _absolute_db(mels: Cache, track_id: int, start: int, n_frames: int) -> npt.NDArray[np.float64]:
    row = mels[track_id]
    S_db: npt.NDArray[np.float64] = row.values[start : start + n_frames].astype(np.float64) + row.columns["ref_db"]
    return S_db
