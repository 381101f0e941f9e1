"""The error analysis behind a model's numbers."""

import json

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from fmagc.evaluation.error_analysis import analyse, confident_errors, top_confusions
from fmagc.evaluation.scoring import SCORINGS
from tests.support.error_analysis import GENRES, N_TRACKS, NAMES, predictions

genre_table = SCORINGS["single"].genre_table


def named(table):
    """Return true and predicted genres of the test rows."""
    test = table.test.table()
    p = test[[f"p_{genre}" for genre in GENRES]].to_numpy()
    return test["genre"].tolist(), [GENRES[k] for k in p.argmax(axis=1)]


@pytest.mark.parametrize("level", ["track", "clip"])
def test_genres_are_those_of_scikit_learn(level):
    table = predictions()
    rows = table.tracks if level == "track" else table
    true, predicted = named(rows)
    expected = precision_recall_fscore_support(true, predicted, labels=GENRES, zero_division=0)
    found = genre_table(rows)
    assert [row["genre"] for row in found] == GENRES
    for name, values in zip(("precision", "recall", "f1", "support"), expected, strict=True):
        assert [row[name] for row in found] == pytest.approx(values.tolist(), abs=1e-6)
    assert analyse(table, names=NAMES)[level]["genres"] == found


def test_a_genre_that_is_not_tested_or_never_named_has_zeros():
    labels = np.resize([0, 1, 2], N_TRACKS)
    row = genre_table(predictions(labels=labels).tracks)[3]
    assert (row["support"], row["precision"], row["recall"], row["f1"]) == (0, 0, 0, 0)


def test_genres_of_several_seeds_are_means():
    table = predictions(seeds=(0, 1, 4))
    each = np.array([[row["f1"] for row in genre_table(rows)] for rows in table.by_seed().values()])
    found = genre_table(table)
    assert [row["f1"] for row in found] == pytest.approx(each.mean(axis=0), abs=2e-6)
    assert [row["f1_std"] for row in found] == pytest.approx(each.std(axis=0, ddof=1), abs=2e-6)


def test_confusions_are_the_largest_cells_beside_the_diagonal():
    table = predictions().tracks
    matrix = confusion_matrix(*named(table), labels=GENRES)
    share = matrix / matrix.sum(axis=1, keepdims=True)
    np.fill_diagonal(share, 0)
    found = top_confusions(table, limit=3)
    assert [row["share"] for row in found] == pytest.approx(np.sort(share, axis=None)[::-1][:3], abs=1e-6)
    for row in found:
        assert row["count"] == matrix[GENRES.index(row["true"]), GENRES.index(row["predicted"])]
    every = top_confusions(table, limit=99)
    assert sum(row["count"] for row in every) == matrix.sum() - np.trace(matrix)
    assert all(row["true"] != row["predicted"] for row in every)


def test_errors_are_the_surest_mistakes_with_their_names():
    table = predictions(seeds=(0, 1)).tracks
    test = table.test.table()
    columns = [f"p_{genre}" for genre in GENRES]
    means = test.groupby("track_id")[columns].mean()
    true = test.groupby("track_id")["genre"].first()
    wrong = means.idxmax(axis=1).str.removeprefix("p_") != true
    found = confident_errors(table, names=NAMES, limit=5)
    assert [row["confidence"] for row in found] == pytest.approx(
        sorted(means[wrong].max(axis=1), reverse=True)[:5], abs=1e-6
    )
    for row in found:
        track = row["track_id"]
        assert (row["true"], row["title"]) == (true[track], f"T{track - 100}")
        assert row["predicted"] != row["true"]
        assert row["confidence"] == pytest.approx(means.loc[track, f"p_{row['predicted']}"], abs=1e-6)
        assert row["p_true"] == pytest.approx(means.loc[track, f"p_{row['true']}"], abs=1e-6)
    assert len(confident_errors(table, names=NAMES)) == min(20, wrong.sum())


def test_details_do_not_depend_on_the_order_of_rows_and_are_json():
    table = predictions(seeds=(0, 1))
    details = analyse(table, names=NAMES)
    assert json.loads(json.dumps(details, allow_nan=False)) == details
    shuffled = table.select(np.random.default_rng(1).permutation(len(table.labels))).checked(source="x")
    assert analyse(shuffled, names=NAMES) == details


@pytest.mark.parametrize("level", ["track", "clip"])
def test_calibration_is_of_the_test_rows_before_and_after(level):
    table = predictions()
    rows = table.tracks if level == "track" else table
    found = analyse(table, names=NAMES)[level]["calibration"]
    test = rows.test.table()
    assert sum(row["rows"] for row in found["bins"]) == sum(row["rows"] for row in found["bins_scaled"]) == len(test)
    assert found["bins"] != found["bins_scaled"]
    (temperature,) = found["temperature"]
    scores = np.log(test[[f"p_{genre}" for genre in GENRES]].to_numpy())
    expected = log_loss(test["genre"], softmax(scores / temperature, axis=1), labels=GENRES)
    assert found["log_loss_scaled"] == pytest.approx(expected, abs=1e-5)
    assert len(analyse(predictions(seeds=(0, 1)), names=NAMES)[level]["calibration"]["temperature"]) == 2
