"""A wheel of the package, installed apart from the checkout: it brings all that `fmagc predict` needs."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.audio_files import mp3, music
from tests.support.dag import ROOT
from tests.support.data_folder import CLIP_SAMPLES, GENRES, MEL, SR
from tests.support.trained_model import write_model

pytestmark = pytest.mark.slow

PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
OFFLINE = ["--no-deps", "--no-index"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "fmagc", source / "fmagc", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "stages", source / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([*PIP, "wheel", *OFFLINE, "--no-build-isolation", "-w", folder, source], check=True)
    (built,) = folder.glob("fmagc-*.whl")
    return built


def test_a_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"fmagc"}
    held = {name for name in names if name.startswith("fmagc/")}
    wanted = {path.relative_to(ROOT).as_posix() for path in (ROOT / "fmagc").rglob("*.*") if path.suffix != ".pyc"}
    assert held == {
        name for name in wanted if not name.endswith((".nbi", ".nbc"))
    }  # what numba keeps beside the source


def test_an_installed_wheel_predicts_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    subprocess.run([*PIP, "install", *OFFLINE, "--target", site, wheel], check=True)
    model = write_model(tmp_path / "model", "crnn", genres=GENRES, clip_samples=CLIP_SAMPLES, sample_rate=SR, mel=MEL)
    (tmp_path / "song.mp3").write_bytes(mp3(music(SR * 3, channels=2)))
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}

    def run(*command: object) -> str:
        done = subprocess.run(
            list(map(str, command)), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    assert run(sys.executable, "-c", "import fmagc; print(fmagc.__file__)").strip() == str(site / "fmagc/__init__.py")
    listed = run(site / "bin/fmagc", "predict", "song.mp3", "--model", model, "--csv").splitlines()
    assert listed[0].startswith("path,genre,seconds")
    assert [line.split(",")[0] for line in listed[1:]] == ["song.mp3"]
