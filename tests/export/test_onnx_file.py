"""An exported file gives the probabilities of its model, whatever the model and the music are."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from fmagc.errors import DataError
from fmagc.export.onnx_file import export_onnx
from fmagc.inference.predictor import Predictor
from fmagc.models.registry import MODELS
from fmagc.paths import CARD, WEIGHTS
from fmagc.reporting.licences import licence_of
from fmagc.runtime.files import read_record
from fmagc.tasks.task import TASKS
from tests.support.audio_files import music
from tests.support.dag import ROOT
from tests.support.exported_model import CLIP, GENRES, MEL, SR, write_sharp_model, write_songs

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

REAL = [path for folder in (ROOT, *ROOT.parents) for path in (folder / "shared/corpora/realmusic").rglob("*.mp3")]
TOLERANCE = 1e-4  # of a probability
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Synthetic music, and two songs where there are real ones."""
    return write_songs(tmp_path_factory.mktemp("songs") / "all") + sorted(REAL)[:2]


@pytest.fixture(scope="module", params=[(name, "single") for name in MODELS] + [("crnn", "multi")], ids="-".join)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a model, and the file that was exported from it."""
    place = tmp_path_factory.mktemp("exported")
    folder = write_sharp_model(place / "model", *request.param)
    export_onnx(folder, place / "model.onnx")
    return folder, place / "model.onnx"


@pytest.mark.slow
def test_the_probabilities_of_every_clip_are_those_of_the_folder(model: tuple[Path, Path], songs: list[Path]) -> None:
    of_folder, of_file = map(Predictor, model)
    wanted = [of_folder.predict(song) for song in songs]
    assert np.ptp([prediction.probabilities for prediction in wanted], axis=0).max() > 0.05  # they depend on the song
    for song, expected in zip(songs, wanted, strict=True):
        found = of_file.predict(song)
        np.testing.assert_allclose(found.clips, expected.clips, rtol=0, atol=TOLERANCE, err_msg=song.name)
        np.testing.assert_array_equal(found.starts_s, expected.starts_s)
        assert found.seconds == expected.seconds


def test_probabilities_are_of_all_genres_together_or_of_each(tmp_path: Path) -> None:
    y = music(2 * SR, channels=1)[:, 0].astype(np.float32)
    found = {}
    for task in TASKS:
        export_onnx(write_sharp_model(tmp_path / task, "cnn1d", task), tmp_path / f"{task}.onnx")
        model = Predictor(tmp_path / f"{task}.onnx")
        assert model.task == task
        found[task] = model.predict(y).clips
    odds = found["multi"] / (1 - found["multi"])
    np.testing.assert_allclose(found["single"], odds / odds.sum(axis=1, keepdims=True), atol=TOLERANCE)
    assert np.abs(found["multi"].sum(axis=1) - 1).min() > 0.1


def test_one_clip_of_an_excerpt_knows_the_maximum_of_the_excerpt(model: tuple[Path, Path]) -> None:
    y = music(2 * SR, channels=1)[:, 0].astype(np.float32)
    y[: SR // 4] *= 30
    expected, found = (Predictor(path, n_clips=1).predict(y, sr=SR).clips for path in model)
    assert found.shape == (1, len(GENRES))
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


def test_the_file_is_little_more_than_the_weights_and_says_what_it_is(model: tuple[Path, Path]) -> None:
    folder, file = model
    card = read_record(folder / CARD, stage="train")
    assert file.stat().st_size < (folder / WEIGHTS).stat().st_size + MEGABYTE
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    record = json.loads(session.get_modelmeta().custom_metadata_map["fmagc"])
    assert record["model"] == card["architecture"]["name"]
    assert (record["task"], record["genres"]) == (card["task"], GENRES)
    assert (record["sample_rate"], record["clip_samples"], record["max_seconds"]) == (SR, CLIP, 3.0)
    assert {name: record[name] for name in card["mel"]} == card["mel"]
    assert (record["weights"], record["caches"], record["parameters"]) == (
        card["weights"],
        card["caches"],
        card["parameters"],
    )
    assert set(record["views"]) == set(card["normalisation"])
    assert record["n_clips"] == 3  # of 1.49 s cover 3 s
    assert record["licence"] == licence_of(card["corpus"])
    shapes = {value.name: (value.type, value.shape) for value in (*session.get_inputs(), *session.get_outputs())}
    assert shapes["samples"] == ("tensor(float)", ["n"])
    assert shapes["starts"] == ("tensor(int64)", ["clips"])
    assert shapes["probabilities"] == ("tensor(float)", ["clips", len(GENRES)])
    assert ("log_mel" in shapes) == ("mel" in record["views"])


def test_the_spectrogram_is_what_the_cache_holds(model: tuple[Path, Path], songs: list[Path]) -> None:
    folder, file = model
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    if "log_mel" not in {output.name for output in session.get_outputs()}:
        pytest.skip("the model reads no spectrogram")
    y, _ = soundfile.read(next(song for song in songs if song.name == "clip.wav"), dtype="float32")
    mono = y.mean(axis=1)
    (excerpt,) = Predictor(folder).reader.from_array(mono, sr=SR)
    (found,) = session.run(["log_mel"], {"samples": mono, "starts": np.array([0])})
    assert excerpt.S_db is not None
    assert found.shape == (CLIP // MEL.hop_length, MEL.n_mels)
    np.testing.assert_array_equal(found, found.astype(np.float16))
    np.testing.assert_allclose(found, excerpt.S_db.astype(np.float32), rtol=0, atol=1 / 16)
    assert (found != excerpt.S_db).mean() < 0.01


def test_an_export_gives_the_same_bytes_and_names_no_place(tmp_path: Path) -> None:
    folder = write_sharp_model(tmp_path / "model", "cnn1d")
    for name in ("a.onnx", "b.onnx"):
        export_onnx(folder, tmp_path / name)
    content = (tmp_path / "a.onnx").read_bytes()
    assert content == (tmp_path / "b.onnx").read_bytes()
    for place in (ROOT, tmp_path, Path(os.path.expanduser("~"))):  # noqa: PTH111 - a home may be missing
        assert str(place).encode() not in content or place == Path("/")
    onnx.checker.check_model(onnx.load(tmp_path / "a.onnx"), full_check=True)


def test_a_file_that_differs_from_torch_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(samples: Any) -> Any:
        return samples * 0, samples.abs().amax()

    monkeypatch.setattr("fmagc.export.excerpt_network.to_grid", off)
    folder = write_sharp_model(tmp_path / "model", "cnn1d")
    with pytest.raises(DataError, match=r"expected the probabilities of torch within 0.0001, found a difference of"):
        export_onnx(folder, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_cannot_be_exported_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sharp_model(tmp_path / "model", "cnn1d")
    with pytest.raises(DataError, match=r"expected the name of a file that ends in \.onnx"):
        export_onnx(folder, tmp_path / "out")
    with pytest.raises(DataError, match="expected a trained model"):
        export_onnx(tmp_path, tmp_path / "model.onnx")
    monkeypatch.setattr("fmagc.export.onnx_file.is_installed", lambda: False)
    with pytest.raises(DataError, match=r"onnx and onnxruntime to be installed, .*\[export\]"):
        export_onnx(folder, tmp_path / "model.onnx")
