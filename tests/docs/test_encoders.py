"""The page on encoders: its settings are valid, and its recipe exports a file that the pipeline can use."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from fmagc.embeddings.frozen_encoder import FrozenEncoder
from fmagc.embeddings.runtimes import load_encoder
from fmagc.params.encoders import Encoder
from tests.docs.test_readme import fenced

PAGE = "docs/encoders.md"


def test_the_settings_are_valid() -> None:
    (written,) = fenced(PAGE, "yaml")
    document = YAML(typ="safe", pure=True).load(written)
    assert document["run"]["encoders"] == list(document["encoders"])
    for block in document["encoders"].values():
        assert Encoder.model_validate(block).sha256 is None


def test_the_recipe_exports_what_the_pipeline_can_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    for name in ("onnx", "onnxruntime"):
        pytest.importorskip(name)

    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv1d(1, 5, 400, stride=320)

        def forward(self, y: Any) -> Any:
            return SimpleNamespace(last_hidden_state=self.conv(y[:, None]).relu().transpose(1, 2))

    monkeypatch.chdir(tmp_path)
    model = Model()
    (recipe,) = fenced(PAGE, "python")
    exec(recipe, {"model": model})  # noqa: S102
    windows = np.random.default_rng(0).normal(0, 0.1, (3, 5 * 24_000)).astype(np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(windows)).last_hidden_state.mean(dim=1).numpy()
    for name in ("mert.pt", "mert.onnx"):
        execute = load_encoder(Path(name).read_bytes(), path=name, threads=1)
        encoder = FrozenEncoder("mert", execute, window=windows.shape[1:], batch_size=2)
        assert encoder(windows) == pytest.approx(expected, abs=1e-5), name
