"""The card of a training of which nothing is known but its `config.json`."""

import pytest

from fmagc.params.signal import Mel
from fmagc.reporting.untested_card import untested_card
from tests.support.card_metadata import metadata_of
from tests.support.trained_model import card_of

MEL = Mel(n_fft=4096, hop_length=1024, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
SHAPE = {"name": "cnn2d", "n_classes": 2, "dropout": 0.1, "clip_samples": 2**16, "hop_length": 1024, "n_mels": 16}
USE = "## How to use it\n\nPlay it.\n"


def page(**changes):
    measured = {"epoch": 2, "split": "val", "loss": 0.7, "accuracy": 0.625, "precision": 0.6, "recall": 0.61, "f1": 0.5}
    card = card_of(SHAPE, genres=["Folk", "Rock"], max_seconds=3.0, sample_rate=44_100, mel=MEL)
    return untested_card(card | {"validation": measured} | changes, use=USE)


def test_it_has_the_scores_of_validation_and_says_so():
    text = page()
    result = metadata_of(text)["model-index"][0]["results"][0]
    assert result["dataset"] == {"type": "fma_demo", "name": "fma_demo", "split": "validation"}
    assert {row["type"]: row["value"] for row in result["metrics"]} == {
        "accuracy": 0.625,
        "f1": 0.5,
        "precision": 0.6,
        "recall": 0.61,
    }
    for said in (
        "# Model card: cnn2d, seed 0, corpus `fma_demo`\n\n> **The demo corpus is synthesised",
        "one of 2: Folk, Rock.",
        "The prediction for a track is the mean of the probabilities\nof evenly spaced clips that cover it.",
        "| learning rate | 0.01 |",
        "## Results on the validation tracks",
        "| `f1` | 0.500 |",
        "CC0 1.0",
    ):
        assert said in text
    assert text.endswith(f"\n{USE}")
    assert "test tracks that could be decoded" not in text


@pytest.mark.parametrize(
    ("corpus", "said"),
    [
        ({"name": "fma_small", "layout": "fma"}, "the Free Music Archive belongs to its artists"),
        ({"name": "my_music", "layout": "folders"}, "The music belongs to others"),
    ],
)
def test_the_licence_is_that_of_the_corpus(corpus, said):
    text = page(corpus=corpus)
    assert said in text
    assert "synthesised" not in text
    found = metadata_of(text)
    assert (found["license"], found["license_link"]) == ("other", "LICENSE")
