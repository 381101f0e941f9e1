"""Check what a model has of its own in params.yaml: its patch, and the settings of training that it overrides."""

import copy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fmagc.errors import SettingsError
from fmagc.params.schema import Params, check
from fmagc.params.training import Architecture, Train
from tests.support.dag import ROOT
from tests.support.params_file import written

OWN: dict[str, Any] = YAML(typ="safe").load(ROOT / "params.yaml")


@pytest.mark.parametrize(
    ("patch", "fault"),
    [
        (1000, "models.crnn.patch_samples: expected a multiple of mel.hop_length (1024), found 1000"),
        (
            2**20,
            "models.crnn.patch_samples: expected at most clip.samples (524288), the length of the shortest track, "
            "found 1048576",
        ),
        (0, "models.crnn.patch_samples: expected more than 0, found 0"),
    ],
)
def test_a_patch_that_no_track_can_give(tmp_path: Path, patch: int, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        check(written(tmp_path, lambda params: params["models"]["crnn"].update(patch_samples=patch)))
    assert str(caught.value).count("\n  ") == 1
    assert fault in str(caught.value)


def test_a_model_without_a_patch_sees_one_clip_of_each_track(tmp_path: Path) -> None:
    model = check(written(tmp_path, lambda params: None)).models["crnn"]
    assert (model.patch_samples, model.patches_per_track) == (None, 1)


def test_a_model_overrides_settings_of_training() -> None:
    document = copy.deepcopy(OWN)
    document["models"]["crnn"]["train"] = {"lr": 0.03, "max_grad_norm": None, "augment": []}
    params = Params.model_validate(document)
    changed = params.train.model_dump() | {"lr": 0.03, "max_grad_norm": None, "augment": []}
    assert params.models["crnn"].merged(params.train) == Train.model_validate(changed)
    assert params.models["cnn1d"].merged(params.train) == params.train
    assert params.models["crnn"].architecture == Architecture(dropout=0.5, weight_decay=0.0001)


def test_counts_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    def ask(params: Any) -> None:
        params["models"]["crnn"]["patches_per_track"] = 10**22

    with pytest.raises(SettingsError) as caught:
        check(written(tmp_path, ask))
    fault = "models.crnn.patches_per_track: expected at most 10000, found 10000000000000000000000"
    assert fault in str(caught.value)


def test_overrides_are_checked_as_the_settings_of_all_models_are(tmp_path: Path) -> None:
    wrong = {"lr": "1e-3", "epoch": 3, "precision": None, "dropout": 0.5}
    slow = {"name": "time_stretch", "p": 2, "min_rate": 1.5, "max_rate": 1.25}

    def override(params: Any) -> None:
        params["models"]["crnn"]["train"] = wrong | {"augment": [slow]}
        params["models"]["cnn2d"]["train"] = {"warmup_epochs": 16}
        params["models"]["cnn1d"]["train"] = []

    with pytest.raises(SettingsError) as caught:
        check(written(tmp_path, override))
    for fault in (
        "models.crnn.train.lr: expected a number, found '1e-3' (text)",
        "models.crnn.train.epoch: expected no such key, found 3. Did you mean epochs?",
        "models.crnn.train.precision: expected 'auto', 'float32' or 'bfloat16', found null",
        "models.crnn.train.dropout: expected no such key, found 0.5. Known here: augment, batch_size",
        "models.crnn.train.augment.0.p: expected at most 1, found 2",
        "models.crnn.train.augment.0.max_rate: expected at least min_rate (1.5), found 1.25",
        "models.cnn2d.train.warmup_epochs: expected fewer than epochs (16), found 16",
        "models.cnn1d.train: expected a block of keys, found []",
    ):
        assert fault in str(caught.value)
