"""`fmagc predict --model model.onnx`: the folder's lines without torch, and one line for a file of another kind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import fmagc
from fmagc.cli import main
from fmagc.errors import DataError
from fmagc.export.onnx_file import export_onnx
from fmagc.inference.onnx_record import read_record, sealed
from tests.support.dag import ROOT
from tests.support.exported_model import write_sharp_model, write_songs

pytest.importorskip("onnxruntime")

WITHOUT_TORCH = """
import sys
from fmagc.cli import main
status = main(sys.argv[1:])
sys.exit(status or ("torch was imported" if "torch" in sys.modules else 0))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with songs, a model of both views, and the file that was exported from it."""
    place = tmp_path_factory.mktemp("exported")
    write_songs(place / "songs")
    export_onnx(write_sharp_model(place / "model", "mmcrnn"), place / "model.onnx")
    return place


def test_the_command_prints_the_folders_lines_and_imports_no_torch(
    place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    songs = sorted(map(str, (place / "songs").iterdir()))
    assert main(["predict", *songs, "--model", str(place / "model")]) == 0
    expected = capfd.readouterr().out
    (tmp_path / "torch.py").write_text("raise RuntimeError('torch was imported')")  # by a worker process, as well
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "predict", *songs, "--model", str(place / "model.onnx")],
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected
    assert len(expected.splitlines()) == len(songs)


def test_load_model_takes_a_file(place: Path) -> None:
    model = fmagc.load_model(place / "model.onnx")
    assert repr(model) == "Predictor(mmcrnn: 3 genres, clips of 1.49 s at 44100 Hz)"
    assert model.genres == fmagc.load_model(place / "model").genres


def spoilt(content: bytes) -> dict[str, tuple[bytes, str]]:
    """Name ways in which a file is none, with its bytes and with what is said of it."""
    middle = len(content) // 2
    record = read_record(Path("model.onnx"), content)
    graph = content[: -len(sealed(b"", record))]
    newer = sealed(graph, record.model_copy(update={"format": 2, "fmagc": "9.0.0"}))
    flipped = bytes([content[middle] ^ 1])
    return {
        "a bit of the weights": (content[:middle] + flipped + content[middle + 1 :], "expected digest"),
        "a genre": (content.replace(b'"Folk"', b'"Fork"'), "expected digest"),
        "a half": (content[:middle], "foreign, or not whole"),
        "nothing": (b"", "found 0 bytes without its record"),
        "a page": (b"<html>404</html>" * 99, "expected an ONNX file of `fmagc export --onnx`"),
        "another's graph": (graph, "without its record at the end"),
        "a newer one": (newer, r"expected a file of format 1, found 2, written by fmagc '9\.0\.0'"),
    }


def test_a_file_that_is_no_model_of_this_version_is_one_line(
    place: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "other.onnx"
    song = str(place / "songs/clip.wav")
    for name, (content, said) in spoilt((place / "model.onnx").read_bytes()).items():
        path.write_bytes(content)
        with pytest.raises(DataError, match=said):
            fmagc.load_model(path)
        assert main(["predict", song, "--model", str(path)]) == 1, name
        assert capfd.readouterr().err.count("\n") == 1, name
    path.unlink()
    with pytest.raises(DataError, match="expected an exported model, found no file"):
        fmagc.load_model(path)
    path.mkdir()
    with pytest.raises(DataError, match="expected a file, found a folder"):
        fmagc.load_model(path)


def test_a_graph_that_onnxruntime_refuses_is_one_line(place: Path, tmp_path: Path) -> None:
    record = read_record(place / "model.onnx", (place / "model.onnx").read_bytes())
    path = tmp_path / "model.onnx"
    path.write_bytes(sealed(b"\x08\x7f", record))  # of a version of ONNX that does not exist yet
    with pytest.raises(DataError, match="expected a model that onnxruntime can load, found that it cannot"):
        fmagc.load_model(path)


def test_onnxruntime_is_an_extra_that_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fmagc.inference.onnx_model.is_installed", lambda: False)
    with pytest.raises(DataError, match=r"expected onnxruntime to be installed, .*\[export\]"):
        fmagc.load_model(place / "model.onnx")
