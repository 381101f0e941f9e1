"""`fmagc export` as it is typed: what it refuses, and what it says to do next."""

import shlex
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from fmagc.cli import main
from tests.support.exported_model import write_sharp_model
from tests.support.npm import node_modules


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and what npm installs."""
    folder = tmp_path_factory.mktemp("export")
    write_sharp_model(folder / "model", "cnn1d")
    node_modules(folder / "node_modules")
    return folder


@pytest.mark.parametrize(
    ("form", "out", "wanted"),
    [
        ("onnx", "my model.onnx", "predict with it: fmagc predict SONG --model OUT"),
        ("hub", "my hub", "read its README.md before you upload it"),
        ("web", "my page", "serve it: python3 -m http.server -d OUT\nand open http://localhost:8000 in a browser"),
    ],
)
def test_it_says_what_to_do_next(
    place: Path,
    form: str,
    out: str,
    wanted: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(place)
    assert main(["export", "model", out, f"--{form}"]) == 0
    assert capsys.readouterr().out.endswith(f"{out}: written; {wanted.replace('OUT', shlex.quote(out))}\n")
    assert Path(out).exists()


@pytest.mark.parametrize("form", ["onnx", "hub"])
def test_node_modules_are_refused_where_no_form_reads_them(
    place: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = place / "refused.onnx"
    arguments = ["export", str(place / "model"), str(out), f"--{form}", "--node-modules", str(place / "node_modules")]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert said == f"error: --node-modules: expected with --web alone, found with --{form}: leave it out\n"
    assert not out.exists()
