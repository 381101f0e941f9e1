"""A trained model predicts files, arrays and tensors; wrong arguments and missing models are named."""

from pathlib import Path

import numpy as np
import pytest
import torch

import fmagc
from tests.support.data_folder import SR


def test_a_model_refuses_wrong_arguments(model: Path) -> None:
    with pytest.raises(ValueError, match="n_clips: expected an integer from 1 on, found 0"):
        fmagc.load_model(model, n_clips=0)
    with pytest.raises(ValueError, match="sr: expected an integer from 1 on, found 0"):
        fmagc.load_model(model).predict(np.zeros(SR * 2, np.float32), sr=0)
    with pytest.raises(TypeError, match="recording: expected a path, an array or a tensor, found list"):
        fmagc.load_model(model).predict([0.0] * SR)
    with pytest.raises(fmagc.RejectedTrack, match=r"^none\.mp3: missing_file: No such file"):
        fmagc.load_model(model).predict("none.mp3")
    with pytest.raises(ValueError, match="n: expected an integer from 1 on, found -1"):
        fmagc.load_model(model).predict(np.zeros(SR * 2, np.float32)).top(-1)


@pytest.mark.parametrize("named", ["official/crnn", "artist/crnn/0", "official/cnn2d/0", "official/crnn/1"])
def test_models_that_are_there_are_named(folder: Path, model: Path, named: str) -> None:
    with pytest.raises(fmagc.DataError, match=f"models found: {model}$"):
        fmagc.load_model(folder / "data/models" / named)
    with pytest.raises(fmagc.DataError, match=r"models found: none near it$"):
        fmagc.load_model(folder / "no/models/at/all")


def test_a_tensor_is_predicted_as_its_array(model: Path) -> None:
    loaded = fmagc.load_model(model)
    y = np.sin(np.arange(SR * 2, dtype=np.float32) / 7)
    np.testing.assert_array_equal(loaded.predict(torch.from_numpy(y)).clips, loaded.predict(y).clips)
