"""The error analysis behind a model's numbers, and the card that shows it."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support

from fmagc.evaluation.error_analysis import analyse, confident_errors, genre_table, top_confusions
from fmagc.evaluation.metrics import METRICS
from fmagc.evaluation.predictions import Predictions
from fmagc.params.corpus import Dataset
from fmagc.params.evaluation import Evaluate
from fmagc.reporting.leaderboard import Entry
from fmagc.reporting.markdown import escaped
from fmagc.reporting.model_card import card_markdown
from tests.support.predictions import predictions_of
from tests.support.recipe import recipe

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


def named(table):
    """Return true and predicted genres of the test rows."""
    test = table.test.table()
    p = test[[f"p_{genre}" for genre in GENRES]].to_numpy()
    return test["genre"].tolist(), [GENRES[k] for k in p.argmax(axis=1)]


NAMES = pd.DataFrame(
    {"track_id": np.arange(N_TRACKS) + 100, "artist": "A|<b>x</b> *y*", "title": [f"T{n}" for n in range(N_TRACKS)]}
)


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
    assert (
        analyse(Predictions.from_table(table.table().sample(frac=1, random_state=1), source="x"), names=NAMES)
        == details
    )


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


def trained(seed, *, patch_samples=None, patches_per_track=1):
    return {
        "architecture": {"name": "crnn", "clip_samples": patch_samples or 524288, "hop_length": 1024, "n_mels": 128},
        "seed": seed,
        "genres": GENRES,
        "precision": "float32",
        "hardware": {"device": "cpu", "processes": 1, "precision_reason": "train.precision"},
        "train": {
            **recipe(epochs=30, patience=8, batch_size=32, lr=0.001).model_dump(),
            "augment": [{"name": "gaussian_noise", "p": 0.5}],
            "dropout": 0.5,
            "weight_decay": 1e-4,
            "patch_samples": patch_samples,
            "patches_per_track": patches_per_track,
        },
        "normalisation": {"mel": {}},
        "caches": {"data/mels": "abc"},
        "parameters": 438808,
        "best_epoch": 7 + seed,
        "weights": f"digest{seed}",
    }


def page(*, seeds=(0,), corpus="fma_small", leak=False, overlap=0.0, **patches):
    metrics = dict.fromkeys((*METRICS, "ece", "ece_scaled"), 0.5)
    metrics |= {
        f"{name}_{end}": value for name in ("accuracy", "macro_f1") for end, value in (("low", 0.4), ("high", 0.6))
    }
    if len(seeds) > 1:
        metrics |= {f"{name}_std": 0.02 for name in METRICS}
    split = pd.DataFrame(
        {
            "track_id": range(6),
            "genre": "Pop",
            "artist_id": [1, 1, 2, 3, 1 if leak else 4, 5],
            "set": ["train"] * 3 + ["val"] + ["test"] * 2,
        }
    )
    return card_markdown(
        Entry(
            protocol="official",
            model="crnn",
            track=metrics,
            clip=metrics,
            cards=[trained(seed, **patches) for seed in seeds],
        ),
        details=analyse(predictions(seeds=seeds), names=NAMES),
        split=split,
        accepted={"train": 2, "val": 1, "test": 2},
        corpus=Dataset(name=corpus, root=None, layout="fma", download=False, mirror=None),
        sample_rate=44100,
        settings=Evaluate(clips=3, overlap=overlap, crop="even", bootstrap=50),
        note="Synthesised." if corpus == "fma_demo" else "",
    )


def test_the_card_tells_what_a_user_must_know():
    text = page()
    for said in (
        "Folk, Pop, Rock, Soul-RnB",
        "clips of 11.9 s",
        "of 3 evenly spaced clips.",
        "| random clips of a track in an epoch | 1 |",
        "| tracks listed | 3 | 1 | 2 |",
        "| of them decoded, and used | 2 | 1 | 2 |",
        "| artists listed | 2 | 1 | 2 |",
        "No test track is by an artist of the training set.",
        "- `data/mels/manifest.json`: `abc`",
        "- the weights of seed 0: `digest0`",
        "| parameters | 438,808 |",
        "| clipped norm of the gradient | none |",
        "| `accuracy` | 0.500 [0.400, 0.600] | 0.500 [0.400, 0.600] |",
        "every track has a licence of its own",
        "fmagc predict FILE --model data/models/official/crnn/0",
        'fmagc.load_model("data/models/official/crnn/0")',
        "the spread over seeds is unknown",
    ):
        assert said in text
    assert len(re.findall(r"^\| 1\d\d \|", text, re.M)) == len(analyse(predictions(), names=NAMES)["errors"])
    assert "CC0" not in text
    assert page() == text


def test_the_card_of_a_network_of_patches_tells_their_length_and_number():
    text = page(patch_samples=2**17, patches_per_track=4)
    for said in (
        "reads patches of 3.0 s",
        "of as many evenly spaced patches as cover it.",
        "| random clips of a track in an epoch | 4 |",
    ):
        assert said in text
    assert "cover it, of which neighbours share 25% or more." in page(patch_samples=2**17, overlap=0.25)


def test_the_card_of_several_seeds_has_their_spread_and_their_weights():
    text = page(seeds=(0, 1))
    assert "| `accuracy` | 0.500 ± 0.020 [0.400, 0.600]" in text
    assert "means over 2 seeds" in text
    assert "| best epoch of each | 7, 8 |" in text
    assert "- the weights of seed 1: `digest1`" in text


def test_a_leak_and_a_demo_are_said_plainly():
    assert "**50.0% of the test tracks are by artists who are in the training set too**" in page(leak=True)
    demo = page(corpus="fma_demo")
    assert "> **Synthesised.**" in demo
    assert "CC0 1.0" in demo


def test_names_of_artists_cannot_break_the_page():
    assert r"| A\|&lt;b&gt;x&lt;/b&gt; \*y\* |" in page()
    assert escaped("a\r\n b `c` [d](e) #f") == r"a b \`c\` \[d\](e) \#f"
