"""`python -m fmagc predict`: files that no corpus knows, predicted by a model folder that was copied away."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from fmagc.audio.decode import decode_whole
from fmagc.cli import main
from fmagc.reporting.figures import style
from fmagc.reporting.figures.timeline import timeline
from fmagc.runtime.files import write_record
from tests.support.audio_files import SETTINGS, music
from tests.support.dag import ROOT
from tests.support.predictions import read_predictions
from tests.support.project import Project

SR = 44100


def predict(*arguments: object, cwd: Path, expect: int = 0) -> tuple[str, str]:
    """Run the command in another folder; return what it printed on stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "fmagc", "predict", *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == expect, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def predict_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command in this process, which has torch already; give its status and what it printed."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        status = main(["predict", *map(str, arguments)])
        return status, *capfd.readouterr()

    return run


@pytest.fixture
def model(pipeline: Project, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pipeline.root / "data/models/official/crnn/0", tmp_path / "elsewhere/model"))


def test_a_copied_model_predicts_what_evaluate_predicted(pipeline: Project, model: Path, tmp_path: Path) -> None:
    table = read_predictions(pipeline.root, "crnn")
    track_id = int(table["track_id"].iloc[0])
    expected = table.loc[table["track_id"] == track_id].filter(regex="^p_")
    path = next((pipeline.root / "data/raw").rglob(f"{track_id:06d}.mp3"), None) or next(
        path
        for path in (pipeline.root / "data/raw/fma_mini").resolve().rglob("*.mp3")
        if path.stem == f"{track_id:06d}"
    )
    song = tmp_path / "song.mp3"
    shutil.copyfile(path, song)
    (tmp_path / "page.mp3").write_text("<html>404</html>" * 99)
    soundfile.write(tmp_path / "short.wav", music(2000), SR)
    printed, said = predict("page.mp3", song, "short.wav", "--model", model, "--json", cwd=tmp_path, expect=1)
    page, entry, short = json.loads(printed)
    found = pd.DataFrame([clip["probabilities"] for clip in entry["clips"]]).add_prefix("p_")
    np.testing.assert_allclose(
        found[expected.columns], expected, rtol=0, atol=2e-6
    )  # the training's precision: float32
    assert entry["probabilities"] == pytest.approx(found.mean().rename(lambda name: name[2:]).to_dict(), abs=2e-6)
    assert (page["reason"], short["reason"]) == ("not_mp3", "too_short")
    lines = said.splitlines()
    assert [line.split(":")[0] for line in lines] == ["page.mp3", "short.wav", "error"]
    assert lines[-1].startswith("error: 2 of 3 files gave no prediction")


def test_model_folders_that_are_not_whole_are_refused_in_a_line(
    model: Path, tmp_path: Path, predict_here: Callable[..., tuple[int, str, str]]
) -> None:
    soundfile.write(tmp_path / "a.wav", music(SR * 2), SR)
    card = json.loads((model / "config.json").read_text())
    own = {key: value for key, value in card.items() if key not in ("own_digest", "waveform")}
    for spoil, wanted in (
        (lambda: (model / "config.json").write_text("{}"), "expected digest none"),
        (lambda: write_record(model / "config.json", own), "expected the card of a model of this version"),
        (lambda: (model / "model.safetensors").unlink(), "found no model.safetensors"),
    ):
        for file in model.iterdir():
            file.chmod(0o644)
        spoil()
        status, _, said = predict_here("a.wav", "--model", model)
        assert status == 1
        assert wanted in said
        assert said.count("\n") == 1


def test_a_long_file_is_taken_in_excerpts_that_cover_it(tmp_path: Path) -> None:
    y = music(SR * 10, channels=1)[:, 0]
    soundfile.write(tmp_path / "long.wav", y, SR, subtype="FLOAT")
    settings = SETTINGS.model_copy(update={"max_seconds": 3.0})
    excerpts = decode_whole(tmp_path / "long.wav", settings=settings, min_samples=SR)
    assert [round(excerpt.start_s, 3) for excerpt in excerpts] == [0, 2.333, 4.667, 7]
    for excerpt in excerpts:
        start = round(excerpt.start_s * SR)
        assert excerpt.file_s == 10
        assert np.abs(excerpt.scale * excerpt.samples - y[start : start + 3 * SR]).max() < 0.51 * excerpt.scale


@pytest.mark.parametrize(("milliseconds", "n_excerpts"), [(3049, 1), (3051, 2), (6049, 2), (6051, 3)])
def test_a_sixtieth_of_an_excerpt_is_worth_none_of_its_own(tmp_path: Path, milliseconds: int, n_excerpts: int) -> None:
    soundfile.write(tmp_path / "song.wav", music(SR * milliseconds // 1000), SR)
    settings = SETTINGS.model_copy(update={"max_seconds": 3.0})
    excerpts = decode_whole(tmp_path / "song.wav", settings=settings, min_samples=SR)
    assert len(excerpts) == n_excerpts
    assert excerpts[0].start_s == pytest.approx((milliseconds - 3000) / 2000 if n_excerpts == 1 else 0, abs=1e-4)


def test_a_folder_is_read_as_the_layouts_read_one_and_gives_a_row_a_file(
    model: Path, tmp_path: Path, predict_here: Callable[..., tuple[int, str, str]]
) -> None:
    (tmp_path / "mix/.Trash").mkdir(parents=True)
    (tmp_path / "more").mkdir()
    for name in ("mix/b.WAV", "mix/._b.wav", "mix/.Trash/old.wav", "more/a.wav"):
        soundfile.write(tmp_path / name, music(SR * 2), SR, format="WAV")
    (tmp_path / "mix/cover.jpg").touch()
    (tmp_path / "mix/a.mp3").write_text("text")
    (tmp_path / "mix/link").symlink_to(tmp_path / "more")
    (tmp_path / "mix/circle").symlink_to(tmp_path / "mix")
    status, printed, _ = predict_here("mix", "--model", model, "--csv", "--timeline", "drawn")
    assert status == 1
    rows = pd.read_csv(io.StringIO(printed), keep_default_na=False)
    assert rows["path"].tolist() == ["mix/a.mp3", "mix/b.WAV", "mix/link/a.wav"]
    assert rows["reason"].tolist() == ["not_mp3", "", ""]
    assert rows.filter(regex="^p_").iloc[1:].astype(float).sum(axis=1).tolist() == pytest.approx([1, 1], abs=1e-4)
    drawn = sorted(path.relative_to(tmp_path / "drawn").as_posix() for path in (tmp_path / "drawn").rglob("*.png"))
    assert drawn == ["b.WAV.png", "link/a.wav.png"]
    status, _, said = predict_here("mix/b.WAV", "--model", model, "--timeline", "mix/cover.jpg")
    assert status == 1
    assert said == "error: --timeline: expected a folder, found the file mix/cover.jpg: name another\n"


def test_two_files_with_one_figure_are_named(tmp_path: Path, predict_here: Callable[..., tuple[int, str, str]]) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.wav").touch()
    status, _, said = predict_here("a/x.wav", "b/x.wav", "--model", "m", "--timeline", "t")
    assert status == 1
    assert "found a/x.wav and b/x.wav: draw them in separate calls" in said


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    code = (
        "from fmagc.runtime.entrypoint import run_stage; import sys; "
        "sys.exit(run_stage(lambda: [print('x' * 999) for _ in range(9999)]))"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_another_broken_pipe_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as listener:
        assert listener.stdin
        code = (
            "from fmagc.runtime.entrypoint import run_stage; import os, sys; "
            f"sys.exit(run_stage(lambda: os.write({writer}, b'x')))"
        )
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, cwd=ROOT, stdout=listener.stdin, stderr=subprocess.PIPE, text=True, pass_fds=[writer], check=False
        )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "error: [Errno 32] Broken pipe\n")


def test_a_full_disk_behind_what_is_printed_is_an_error(tmp_path: Path) -> None:
    code = "from fmagc.runtime.entrypoint import log, run_stage; import sys; sys.exit(run_stage(lambda: log('x')))"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.stderr.startswith("error: standard output: no space left on device: make room")


def test_timeline_gives_the_same_bytes(tmp_path: Path) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(9), size=7)
    for name in ("a.png", "b.png"):
        figure = timeline(p, np.arange(7.0), task="single", genres="abcdefghi", clip_s=4.0, file_s=10.0, title="$x")
        style.save_png(figure, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    heights = [patch.get_data().values for patch in figure.axes[0].patches]
    np.testing.assert_allclose(heights[-1], 1)  # the layers stack up to all of it


def test_a_timeline_of_several_genres_has_a_line_for_each_of_the_most_probable() -> None:
    p = np.random.default_rng(0).uniform(size=(7, 9))
    figure = timeline(p, np.arange(7.0), task="multi", genres="abcdefghi", clip_s=4.0, file_s=10.0, title="x")
    order = p.mean(axis=0).argsort()[-6:]
    lines = figure.axes[0].patches
    assert [line.get_label().partition(" ")[0] for line in lines] == ["abcdefghi"[place] for place in order]
    np.testing.assert_array_equal([line.get_data().values for line in lines], p[:, order].T)
    assert not any(line.get_fill() for line in lines)


def test_help_is_quick_and_states_the_rule() -> None:
    code = "import sys, fmagc.cli; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
    printed, _ = predict("--help", cwd=ROOT)
    assert re.search(r"cover it from\s+beginning to end", printed)
