"""The folder for a model hub: whole, readable by the hub's tools, and run by the lines of its own card."""

import ast
import json
import re
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

import fmagc
from fmagc.errors import DataError
from fmagc.export import hub
from fmagc.params.signal import Mel
from fmagc.paths import CARD, CARDS, WEIGHTS, training_folder
from fmagc.reporting.model_card_template import USE_HEADING
from fmagc.runtime.files import read_record, write_record
from tests.support.card_metadata import metadata_of
from tests.support.dag import ROOT
from tests.support.project import Project
from tests.support.project_results import SCORES, write_results
from tests.support.trained_model import write_model

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

SR = 16_000
GENRES = ("Folk", "NA", "Rock")
MEL = Mel(n_fft=1024, hop_length=256, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
FILES = ["README.md", "config.json", "model.onnx", "model.safetensors"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training in a project that has tested it."""
    root = tmp_path_factory.mktemp("project")
    folder = write_model(
        root / training_folder("official", "cnn2d", 0),
        "cnn2d",
        genres=GENRES,
        clip_samples=2**14,
        sample_rate=SR,
        mel=MEL,
        sharpness=40,
    )
    write_results(folder)
    return folder


@pytest.fixture(scope="module")
def tested(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tested") / "cnn2d"
    hub.export_hub(model, out)
    return out


@pytest.fixture(scope="module")
def untested(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a copy, whose corpus is not the demo."""
    root = tmp_path_factory.mktemp("untested")
    copy = shutil.copytree(model, root / "copy")
    card = read_record(copy / CARD, stage="train")
    write_record(copy / CARD, card | {"corpus": {"name": "fma_small", "layout": "fma"}})
    hub.export_hub(copy, root / "cnn2d")
    return root / "cnn2d"


def test_a_tested_model_leaves_with_its_card_and_its_confusion_matrix(model: Path, tested: Path) -> None:
    assert sorted(path.name for path in tested.iterdir()) == ["README.md", "config.json", "confusion.png", *FILES[2:]]
    for name in (CARD, WEIGHTS):
        assert (tested / name).read_bytes() == (model / name).read_bytes()
    page = (tested / "README.md").read_text()
    found = metadata_of(page)
    assert found["license"] == "mit"
    assert found["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.75
    assert "`dvc repro`" not in page
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert min(Image.open(tested / picture).size) > 200


def test_a_model_of_several_genres_a_track_leaves_with_what_it_gives_wrongly(tmp_path: Path) -> None:
    place = tmp_path / "project" / training_folder("official", "crnn", 0)
    shape = {"clip_samples": 2**14, "sample_rate": SR, "mel": MEL}
    folder = write_model(place, "crnn", genres=GENRES, **shape, task="multi")
    write_results(folder)
    hub.export_hub(folder, tmp_path / "crnn")
    (picture,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (tmp_path / "crnn/README.md").read_text())
    assert picture == "false_positives.png"
    assert Image.open(tmp_path / "crnn" / picture).size > (200, 50)
    hub.export_hub(shutil.copytree(folder, tmp_path / "copy"), tmp_path / "untested")
    found = metadata_of((tmp_path / "untested/README.md").read_text())
    assert found["metrics"] == ["average_precision"]


def test_the_card_of_the_pipeline_leaves_as_it_is(pipeline_run: Project, tmp_path: Path) -> None:
    hub.export_hub(pipeline_run.root / training_folder("official", "crnn", 0), tmp_path / "crnn")
    card = (pipeline_run.root / CARDS / "official/crnn.md").read_text()
    assert (tmp_path / "crnn/README.md").read_text().startswith(card[: card.index(USE_HEADING)])
    assert (tmp_path / "crnn/confusion.png").exists()


def test_a_copy_leaves_with_what_its_config_tells(untested: Path) -> None:
    assert sorted(path.name for path in untested.iterdir()) == ["LICENSE", *FILES]
    page = (untested / "README.md").read_text()
    found = metadata_of(page)
    assert found["model-index"][0]["results"][0]["dataset"]["split"] == "validation"
    assert found["datasets"] == ["benjamin-paine/free-music-archive-small"]
    assert (untested / found["license_link"]).read_text().strip() in page
    assert "a licence of its own" in page
    assert "![" not in page


@pytest.mark.parametrize("folder", ["tested", "untested"])
def test_the_card_says_how_fmagc_is_installed(folder: str, request: pytest.FixtureRequest) -> None:
    use = (request.getfixturevalue(folder) / "README.md").read_text().partition(USE_HEADING)[2]
    assert f"fmagc {fmagc.__version__}" in use
    [(constraints, extra)] = re.findall(r"`pip install -c (\S+) -e '\.\[(\w+)\]'`", use)
    assert (ROOT / constraints).exists()
    assert extra in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert use.index("pip install") < use.index("import fmagc")


@pytest.mark.parametrize("folder", ["tested", "untested"])
def test_the_lines_of_the_card_run_as_they_stand(
    folder: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = shutil.copytree(request.getfixturevalue(folder), tmp_path / "downloaded")
    y = np.random.default_rng(0).uniform(-0.5, 0.5, 3 * SR) * np.geomspace(1e-3, 1, 3 * SR)
    soundfile.write(out / "song.mp3", y, SR)
    stereo = np.stack([y, 0.5 * y], axis=1)
    soundfile.write(out / "song.wav", stereo, SR, subtype="FLOAT")
    monkeypatch.chdir(out)
    first, second = re.findall(r"```python\n(.*?)```", (out / "README.md").read_text(), re.DOTALL)
    exec(first, {})  # noqa: S102 - the very lines that a user copies
    expected = fmagc.load_model(out).predict("song.mp3").top(3)
    assert capsys.readouterr().out == f"{expected}\n"
    exec(second, {})  # noqa: S102
    printed = ast.literal_eval(capsys.readouterr().out)
    of_song = fmagc.load_model(out).predict("song.wav")
    assert np.ptp(of_song.clips, axis=0).max() > 0.01  # or any clips would do
    assert printed == pytest.approx(dict(zip(GENRES, of_song.probabilities, strict=True)), abs=1e-4)
    assert len(first.strip().splitlines()) <= 5
    assert len(second.strip().splitlines()) <= 8
    for samples, rate in ((stereo, SR // 2), (stereo[: 2**14 - 1], SR)):
        soundfile.write(out / "song.wav", samples, rate)
        with pytest.raises(AssertionError, match=r"resample the song, or take one of 1\.0 s or more"):
            exec(second, {})  # noqa: S102


def test_both_forms_of_the_model_predict_alike(tested: Path) -> None:
    y = np.random.default_rng(1).uniform(-0.5, 0.5, 3 * 2**14).astype(np.float32)
    by_torch, by_onnx = (fmagc.load_model(path).predict(y) for path in (tested, tested / "model.onnx"))
    assert np.abs(by_torch.clips - by_onnx.clips).max() < 1e-4


@pytest.mark.parametrize("folder", ["tested", "untested"])
def test_the_hub_s_own_library_reads_the_card(folder: str, request: pytest.FixtureRequest) -> None:
    huggingface_hub = pytest.importorskip("huggingface_hub")
    card = huggingface_hub.ModelCard.load(request.getfixturevalue(folder) / "README.md")
    assert card.data.pipeline_tag == "audio-classification"
    assert {result.metric_type for result in card.data.eval_results} == set(SCORES)


@pytest.mark.parametrize("kind", ["other weights", "an earlier version"])
def test_a_card_that_is_not_of_these_weights_is_not_passed_on(model: Path, tmp_path: Path, kind: str) -> None:
    root = shutil.copytree(model.parents[4], tmp_path / "project")
    card, weights = root / CARDS / "official/cnn2d.md", read_record(model / CARD, stage="train")["weights"]
    page = card.read_text()
    card.write_text(page.replace(weights, weights[::-1]) if kind == "other weights" else page[page.index("# Model") :])
    with pytest.raises(
        DataError, match=r"cnn2d.md: expected the card that this version writes of the weights \w+, found"
    ):
        hub.export_hub(root / training_folder("official", "cnn2d", 0), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_model_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: expected a trained model, the files config"):
        hub.export_hub(tmp_path / "empty", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_what_is_there_is_not_replaced(model: Path, tested: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tested.iterdir()}
    with pytest.raises(DataError, match="expected a name for a new folder, found a folder that is not empty"):
        hub.export_hub(model, tested)
    assert {path: path.stat().st_mtime_ns for path in tested.iterdir()} == before


def test_the_record_of_the_onnx_file_has_the_licence_of_the_corpus(tested: Path, untested: Path) -> None:
    import onnxruntime

    licences = []
    for folder in (tested, untested):
        session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
        record = json.loads(session.get_modelmeta().custom_metadata_map["fmagc"])
        licences.append(record["licence"])
    assert "CC0" in licences[0]
    assert "Free Music Archive" in licences[1]
