"""Fit a linear probe to the embeddings of a frozen encoder and predict the other tracks."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from fmagc.baselines.fitting import Classifier, fit_constant, fit_machine
from fmagc.baselines.registry import logistic_regression
from fmagc.cache.clip_positions import with_labels
from fmagc.cache.reader import Cache
from fmagc.evaluation.predictions import Predictions
from fmagc.tasks.task import labels_of

__all__ = ["predict_embedded"]


def predict_embedded(
    name: str,
    embeddings: Cache,
    split: pd.DataFrame,
    *,
    without_vector: Sequence[int],
    protocol: str,
    C: Sequence[float],
) -> tuple[Predictions, Classifier]:
    """Fit a logistic regression to the vectors of the training tracks, and predict those of validation and test.

    A track without a vector is predicted all the same, so that every row of the table is of the same tracks: it gets
    the shares of the genres in training, as `majority` would give it.

    Parameters
    ----------
    name : str
        Of the encoder.
    embeddings : Cache
        A vector for each track.
    split : pd.DataFrame
        As `corpus.index.read_split` gives it.
    without_vector : sequence of int
        Tracks of the corpus that the encoder could not embed.
    protocol : str
        Name of the split.
    C : sequence of float > 0
        Penalties to try.

    Returns
    -------
    predictions : Predictions
        Of validation and test tracks, each as one clip.
    classifier : Classifier
        The fitted probe.
    """
    labels = labels_of(split)
    tracks = with_labels(split, dict.fromkeys([*embeddings.track_ids, *without_vector], 1), labels=labels)
    is_embedded = tracks["track_id"].isin(embeddings.track_ids).to_numpy()
    X = np.stack([embeddings[track_id].values for track_id in tracks.loc[is_embedded, "track_id"]]).astype(np.float64)
    y, sets = tracks.loc[is_embedded, "label"].to_numpy(), tracks.loc[is_embedded, "set"].to_numpy()
    train, val = sets == "train", sets == "val"
    learnt = X[train], y[train], X[val], y[val]
    classifier = fit_machine(*learnt, labels=labels, machine=logistic_regression, C=C)
    p = fit_constant(*learnt, labels=labels).predict_proba(np.empty((len(tracks), 0)))
    p[is_embedded] = classifier.predict_proba(X)
    tested = (tracks["set"] != "train").to_numpy()
    clips = tracks.assign(clip=0)[tested]
    predictions = Predictions.of_clips(p[tested], clips, labelling=labels, protocol=protocol, model=name, seed=0)
    return predictions, classifier
