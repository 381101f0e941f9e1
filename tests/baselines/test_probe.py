"""The linear probe: its probabilities are scikit-learn's, and every track of the split is predicted."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, f1_score
from sklearn.preprocessing import StandardScaler

from fmagc.baselines.probe import predict_embedded
from fmagc.cache.reader import Cache
from tests.support.caches import publish

GENRES = ("Folk", "Jazz", "Rock")
GRID = [0.001, 0.1, 10.0]


def embedded(folder: Path) -> tuple[Cache, pd.DataFrame]:
    """Make ninety vectors of three genres, and the split of their tracks."""
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    X = (rng.normal(size=(3, 5))[labels] + rng.normal(0, 1.2, (90, 5))).astype(np.float32)
    publish(folder / "embeddings", list(X), params={})
    sets = np.array(["train"] * 50 + ["val"] * 20 + ["test"] * 20)
    split = pd.DataFrame({"track_id": range(90), "genre": np.array(GENRES)[labels], "artist_id": 7, "set": sets})
    return Cache(folder / "embeddings", "embeddings", stage="embed@mine"), split


def test_the_probe_is_scikit_learn_s(tmp_path: Path) -> None:
    cache, split = embedded(tmp_path)
    predictions, classifier = predict_embedded("mine", cache, split, without_vector=[], protocol="official", C=GRID)
    X, y = np.stack([cache[n].values for n in range(90)]).astype(np.float64), np.arange(90) % 3
    scaler = StandardScaler().fit(X[:50])
    Z = scaler.transform(X)
    machines = {C: LogisticRegression(C=C, max_iter=10_000).fit(Z[:50], y[:50]) for C in GRID}
    scores = {C: f1_score(y[50:70], machine.predict(Z[50:70]), average="macro") for C, machine in machines.items()}
    assert len(set(scores.values())) > 1
    assert classifier.chosen["C"] == max(GRID, key=scores.__getitem__)
    assert predictions.track_ids.tolist() == list(range(50, 90))
    assert np.array_equal(predictions.predicted, machines[classifier.chosen["C"]].predict(Z[50:]))
    assert predictions.model == "mine"
    assert np.array_equal(predictions.tracks.probabilities, predictions.probabilities), "a track is one clip"


def test_a_track_without_a_vector_gets_the_shares_of_the_genres(tmp_path: Path) -> None:
    cache, split = embedded(tmp_path)
    lost = pd.DataFrame({"track_id": [200, 201], "genre": "Rock", "artist_id": 8, "set": ["test", "train"]})
    whole = pd.concat([split, lost], ignore_index=True)
    with_lost, _ = predict_embedded("mine", cache, whole, without_vector=[200, 201], protocol="official", C=GRID)
    without, _ = predict_embedded("mine", cache, split, without_vector=[], protocol="official", C=GRID)
    assert with_lost.track_ids.tolist() == [*range(50, 90), 200]
    assert np.array_equal(with_lost.probabilities[:-1], without.probabilities)
    assert with_lost.probabilities[-1] == pytest.approx([17 / 50, 17 / 50, 16 / 50])


def test_a_track_of_several_genres_without_a_vector_gets_the_share_of_each(tmp_path: Path) -> None:
    cache, split = embedded(tmp_path)
    texts = split["genre"].replace({"Jazz": "Folk;Jazz"})
    several = split.drop(columns="genre").assign(genres=texts)
    lost = pd.DataFrame({"track_id": [200], "genres": "Rock", "artist_id": 8, "set": ["test"]})
    predictions, classifier = predict_embedded(
        "mine",
        cache,
        pd.concat([several, lost], ignore_index=True),
        without_vector=[200],
        protocol="official",
        C=GRID,
    )
    assert set(classifier.chosen) == {"C", "temperature", "shift"}
    assert predictions.probabilities[-1] == pytest.approx([34 / 50, 17 / 50, 16 / 50])
    carried = predictions.labelling.members[predictions.labels][:-1]
    assert average_precision_score(carried, predictions.probabilities[:-1]) > carried.mean() + 0.1
