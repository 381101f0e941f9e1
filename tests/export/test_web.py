"""The folder of an exported page: what it holds, what it refuses, and that its looks are those of the report."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from matplotlib import colormaps

from fmagc.errors import DataError
from fmagc.paths import CARD, training_folder
from fmagc.reporting.figures import style
from fmagc.reporting.html.page import BASE_STYLE
from fmagc.reporting.labels import DEMO_NOTE
from fmagc.runtime.files import read_record, write_record

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from fmagc.export import web
from fmagc.tasks.task import TaskName
from tests.support.dag import ROOT
from tests.support.data_folder import CLIP_SAMPLES, GENRES, MEL, SR
from tests.support.npm import node_modules
from tests.support.project_results import write_results
from tests.support.trained_model import write_model

PAGE = ROOT / "fmagc" / "export" / "page"


def colours(css: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w+)", css.partition("@media")[0]))


@pytest.mark.slow
def test_the_folder_is_whole(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", "cnn1d", genres=GENRES, clip_samples=CLIP_SAMPLES, sample_rate=SR, mel=MEL)
    web.export_web(model, tmp_path / "page", node_modules=node_modules(tmp_path / "node_modules"))
    written = {path.relative_to(tmp_path / "page").as_posix() for path in (tmp_path / "page").rglob("*.*")}
    assert written == {path.name for path in PAGE.iterdir()} | {
        "base.css",
        "model.onnx",
        "model.json",
        "onnxruntime-web/ort.wasm.bundle.min.js",
        "onnxruntime-web/ort-wasm-simd-threaded.wasm",
        "onnxruntime-web/ThirdPartyNotices.txt",
    }
    assert (tmp_path / "page/base.css").read_bytes() == BASE_STYLE.read_bytes()
    assert "Permission is hereby granted" in (tmp_path / "page/onnxruntime-web/LICENSE").read_text()
    described = json.loads((tmp_path / "page/model.json").read_text())
    assert described["genres"] == list(GENRES)
    assert len(described["bands_hz"]) == MEL.n_mels
    lines = described["card"]
    assert lines["input"] == f"the waveform of {CLIP_SAMPLES / SR:.1f} s at a time, at 44,100 Hz, mono"
    assert lines["validation"].startswith("accuracy 0.500 and macro F1 0.500 by track")
    assert "test" not in lines
    assert lines["note"] == DEMO_NOTE
    assert described["warning"].startswith("The model was trained on the demo")


def test_a_model_of_real_music_comes_without_the_warnings_on_the_demo(tmp_path: Path) -> None:
    model = write_model(tmp_path / "m", "cnn1d", genres=GENRES, clip_samples=CLIP_SAMPLES, sample_rate=SR, mel=MEL)
    card = read_record(model / CARD, stage="train")
    write_record(model / CARD, card | {"corpus": {"name": "fma_small", "layout": "fma"}})
    web.export_web(model, tmp_path / "page", node_modules=node_modules(tmp_path / "node_modules"))
    described = json.loads((tmp_path / "page/model.json").read_text())
    assert described["warning"] == ""
    assert "note" not in described["card"]


@pytest.mark.parametrize(
    ("task", "scores"),
    [
        ("single", "accuracy 0.750 [0.500, 0.875] and macro F1 0.700 [0.400, 0.800]"),
        ("multi", "macro average precision 0.500 and macro ROC-AUC 0.500"),
    ],
)
def test_the_page_tells_the_results_on_the_test_tracks_where_the_project_has_them(
    task: TaskName, scores: str, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"genres": GENRES, "clip_samples": CLIP_SAMPLES, "sample_rate": SR, "mel": MEL}
    model = write_model(tmp_path / training_folder("artists", "cnn1d", 0), "cnn1d", **settings, task=task)
    write_results(model)
    web.export_web(model, tmp_path / "page", node_modules=node_modules(tmp_path / "node_modules"))
    lines = json.loads((tmp_path / "page/model.json").read_text())["card"]
    assert "validation" not in lines
    assert lines["test"] == (
        f"{scores} by track, on the test tracks of the protocol artists; in brackets: 95 % intervals"
    )


def test_the_page_of_several_genres_tells_measures_of_their_task(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"genres": GENRES, "clip_samples": CLIP_SAMPLES, "sample_rate": SR, "mel": MEL}
    model = write_model(tmp_path / "m", "cnn1d", task="multi", **settings)
    web.export_web(model, tmp_path / "page", node_modules=node_modules(tmp_path / "node_modules"))
    described = json.loads((tmp_path / "page/model.json").read_text())
    assert described["task"] == "multi"
    assert described["card"]["validation"].startswith("macro average precision 0.500")


def test_another_version_of_the_runtime_is_refused(tmp_path: Path) -> None:
    install = f"npm install --no-save --ignore-scripts onnxruntime-web@{web.NPM_VERSION}"
    with pytest.raises(DataError, match=f"expected onnxruntime-web {web.NPM_VERSION}, found none: run `{install}`"):
        web.export_web(tmp_path, tmp_path / "page", node_modules=tmp_path / "node_modules")
    old = node_modules(tmp_path / "old", version="1.0.0")
    with pytest.raises(DataError, match=r"found 1\.0\.0"):
        web.export_web(tmp_path, tmp_path / "page", node_modules=old)
    part = node_modules(tmp_path / "part")
    (part / web.NPM_PACKAGE / "dist/ort-wasm-simd-threaded.wasm").unlink()
    with pytest.raises(DataError, match=r"ort-wasm-simd-threaded\.wasm: expected a file"):
        web.export_web(tmp_path, tmp_path / "page", node_modules=part)
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="found a file"):
        web.export_web(tmp_path, tmp_path / "file", node_modules=part)
    assert not (tmp_path / "page").exists()


def test_the_page_has_the_colours_of_the_report() -> None:
    report, own = colours(BASE_STYLE.read_text()), colours((PAGE / "page.css").read_text())
    assert report
    assert report.keys().isdisjoint(own)  # it writes the style of both pages, and adds to it
    ranked = [own[f"genre-{rank}"] for rank in range(1, 1 + sum(name.startswith("genre-") for name in own) - 1)]
    assert ranked == list(style.PALETTE[: len(ranked)])


def test_the_spectrogram_has_the_colours_of_the_figures() -> None:
    text = (PAGE / "magma.js").read_text()
    found = [tuple(map(int, colour)) for colour in re.findall(r"\[(\d+), (\d+), (\d+)\]", text)]
    places = [round(place * 255 / (len(found) - 1)) for place in range(len(found))]
    assert found == [tuple(round(255 * part) for part in colormaps["magma"](place)[:3]) for place in places]


def test_the_page_names_no_other_host() -> None:
    for path in PAGE.iterdir():
        addresses = re.findall(r"https?://[^\s\"'<>]+", path.read_text())
        assert [url for url in addresses if url != "http://www.w3.org/2000/svg"] == [], path.name  # names a language


def test_the_docs_install_the_version_that_is_expected() -> None:
    named = re.findall(rf"{web.NPM_PACKAGE}@([\d.]+)", (ROOT / "docs/deploy.md").read_text())
    assert set(named) == {web.NPM_VERSION}
