"""The page on deploying: its lines for onnxruntime run, and its table of the record is the record."""

from pathlib import Path

import pytest
import soundfile

from fmagc.export.onnx_file import export_onnx
from fmagc.inference.onnx_record import OnnxRecord
from tests.docs.test_readme import fenced, rows
from tests.support.audio_files import music
from tests.support.exported_model import GENRES, SR, write_sharp_model

PAGE = "docs/deploy.md"


def test_the_lines_for_onnxruntime_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    export_onnx(write_sharp_model(tmp_path / "model", "cnn1d"), tmp_path / "model.onnx")
    soundfile.write(tmp_path / "song.wav", music(4 * SR), SR)
    monkeypatch.chdir(tmp_path)
    (lines,) = fenced(PAGE, "python")
    exec(lines, {})  # noqa: S102
    printed = eval(capsys.readouterr().out)  # noqa: S307
    assert list(printed) == GENRES
    assert sum(printed.values()) == pytest.approx(1, abs=0.02)


def test_the_table_of_the_record_has_every_key() -> None:
    named = [key.strip("`") for row in rows(PAGE, "The record in the file") for key in row[0].split(", ")]
    assert sorted(named) == sorted([*OnnxRecord.model_fields, "digest"])
