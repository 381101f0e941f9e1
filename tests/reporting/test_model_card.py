"""The card of a tested network, and its metadata as model hubs read them."""

import re

import pandas as pd
import pytest

from fmagc.evaluation.error_analysis import analyse
from fmagc.evaluation.metrics import METRICS
from fmagc.params.evaluation import Evaluate
from fmagc.reporting.entries import Entry
from fmagc.reporting.hub_metadata import body_of
from fmagc.reporting.markdown import escaped
from fmagc.reporting.model_card import card_markdown
from tests.support.card_metadata import metadata_of
from tests.support.error_analysis import GENRES, NAMES, predictions
from tests.support.recipe import recipe


def trained(seed, *, corpus, layout="fma", patch_samples=None, patches_per_track=1):
    return {
        "task": "single",
        "architecture": {"name": "crnn", "clip_samples": patch_samples or 524288, "hop_length": 1024, "n_mels": 128},
        "seed": seed,
        "genres": GENRES,
        "corpus": {"name": corpus, "layout": layout},
        "waveform": {"sample_rate": 44100},
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


def page(*, seeds=(0,), corpus="fma_small", leak=False, overlap=0.0, **settings):
    metrics = dict.fromkeys((*METRICS, "ece", "ece_scaled"), 0.5)
    metrics |= {
        f"{name}_{end}": value for name in ("accuracy", "macro_f1") for end, value in (("low", 0.4), ("high", 0.9))
    }
    metrics |= {"accuracy": 0.75, "macro_f1": 0.7}
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
            cards=[trained(seed, corpus=corpus, **settings) for seed in seeds],
        ),
        details=analyse(predictions(seeds=seeds), names=NAMES),
        split=split,
        accepted={"train": 2, "val": 1, "test": 2},
        settings=Evaluate(clips=3, overlap=overlap, crop="even", bootstrap=50),
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
        "| `accuracy` | 0.750 [0.400, 0.900] | 0.750 [0.400, 0.900] |",
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
    assert "| `accuracy` | 0.750 ± 0.020 [0.400, 0.900]" in text
    assert "means over 2 seeds" in text
    assert "| best epoch of each | 7, 8 |" in text
    assert "- the weights of seed 1: `digest1`" in text


def test_a_leak_and_a_demo_are_said_plainly():
    assert "**50.0% of the test tracks are by artists who are in the training set too**" in page(leak=True)
    demo = page(corpus="fma_demo")
    assert "> **The demo corpus is synthesised: " in demo
    assert "CC0 1.0" in demo


def test_names_of_artists_cannot_break_the_page():
    assert r"| A\|&lt;b&gt;x&lt;/b&gt; \*y\* |" in page()
    assert escaped("a\r\n b `c` [d](e) #f $g$") == r"a b \`c\` \[d\](e) \#f \$g\$"


def test_the_metadata_of_a_card_has_the_scores_of_the_test_tracks():
    found = metadata_of(page(corpus="fma_demo"))
    assert found.pop("model-index") == [
        {
            "name": "crnn",
            "results": [
                {
                    "task": {"type": "audio-classification", "name": "Music genre classification"},
                    "dataset": {"type": "fma_demo", "name": "fma_demo, protocol official", "split": "test"},
                    "metrics": [
                        {"type": "accuracy", "value": 0.75, "name": "accuracy"},
                        {"type": "f1", "value": 0.7, "name": "macro F1"},
                        {"type": "precision", "value": 0.5, "name": "macro precision"},
                        {"type": "recall", "value": 0.5, "name": "macro recall"},
                    ],
                }
            ],
        }
    ]
    assert found == {
        "license": "mit",
        "library_name": "fmagc",
        "pipeline_tag": "audio-classification",
        "tags": ["music", "music-genre-classification", "crnn"],
        "metrics": ["accuracy", "f1", "precision", "recall"],
    }
    several = metadata_of(page(seeds=(0, 1)))["model-index"][0]["results"][0]
    assert several["metrics"][0]["name"] == "accuracy, mean of 2 trainings"


@pytest.mark.parametrize(
    ("corpus", "layout", "datasets"),
    [
        ("fma_small", "fma", ["benjamin-paine/free-music-archive-small"]),
        ("fma_small", "folders", None),
        ("fma_part", "fma", None),
        ("my_music", "table", None),
    ],
)
def test_the_metadata_name_a_dataset_that_the_hub_has_and_no_licence_that_the_tracks_do_not_give(
    corpus, layout, datasets
):
    found = metadata_of(page(corpus=corpus, layout=layout))
    assert found.get("datasets") == datasets
    assert found["license"] == "other"
    assert found["model-index"][0]["results"][0]["dataset"]["type"] == (datasets or [corpus])[0]


@pytest.mark.parametrize(("corpus", "seeds"), [("fma_demo", (0,)), ("fma_large", (0, 1)), ("my---", (3,))])
def test_the_hub_s_own_library_reads_the_metadata(corpus, seeds):
    hub = pytest.importorskip("huggingface_hub")
    text = page(corpus=corpus, seeds=seeds)
    card = hub.ModelCard(text)
    data = card.data
    assert (data.library_name, data.pipeline_tag) == ("fmagc", "audio-classification")
    assert {(result.metric_type, result.metric_value) for result in data.eval_results} == {
        ("accuracy", 0.75),
        ("f1", 0.7),
        ("precision", 0.5),
        ("recall", 0.5),
    }
    assert data.to_dict() == metadata_of(text)
    assert card.text.lstrip().startswith("# Model card: crnn")


def test_the_page_shows_a_card_without_its_metadata_and_its_title():
    body = body_of(page(corpus="my---"))
    assert body.lstrip().startswith("## Task")
    assert "pipeline_tag" not in body
