"""Published weights come back, and those of another network are refused."""

from pathlib import Path

import pytest
import torch

from fmagc.errors import DataError
from fmagc.models.build import build
from fmagc.models.pretrained import load_trained, publish_trained
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.paths import WEIGHTS
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import file_digest, temp_path, write_bytes
from tests.support.trained_model import card_of


def test_a_trained_model_comes_back_and_a_foreign_one_is_refused(tmp_path: Path) -> None:
    architecture = {
        "name": "crnn",
        "n_classes": 3,
        "dropout": 0.1,
        "clip_samples": 2**16,
        "hop_length": 1024,
        "n_mels": 128,
    }
    mel = Mel(n_fft=4096, hop_length=1024, n_mels=128, fmin=0.0, fmax=None, top_db=80.0)
    genres = ["Folk", "Jazz", "Pop", "Rock"]
    clips = {"max_seconds": 3.0, "sample_rate": 44_100, "mel": mel}
    model = build(**architecture)

    def publish(n_classes: int) -> None:
        with ArtifactStore("train", root=tmp_path / "store") as store:
            write_bytes(temp_path(store.folder, WEIGHTS), pack(model.state_dict()))
            weights = store.commit(WEIGHTS, "key", {})
            card = card_of(architecture | {"n_classes": n_classes}, genres=genres[:n_classes], **clips)
            publish_trained(tmp_path / "0", weights, card, store=store)

    publish(n_classes=3)
    loaded, card = load_trained(tmp_path / "0", stage="train")
    written = card_of(architecture, genres=genres[:3], **clips)
    assert card == written | {"weights": file_digest(tmp_path / "0" / WEIGHTS)}
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in model.state_dict().items())
    assert not loaded.training
    publish(n_classes=4)
    with pytest.raises(
        DataError, match=r"output.weight is float32\[3, 128\] in place of float32\[4, 128\].*repro -f train"
    ):
        load_trained(tmp_path / "0", stage="train")
