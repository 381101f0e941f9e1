"""A cache of nine tracks, a song and a model, for the public names."""

from pathlib import Path

import pytest

import fmagc
from tests.support.audio_files import mp3, music
from tests.support.data_folder import CLIP_SAMPLES, GENRES, MEL, SR, write_data


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("api")
    write_data(root / "data")
    (root / "song.mp3").write_bytes(mp3(music(SR * 3, channels=2)))
    return root


@pytest.fixture(scope="package")
def cache(folder: Path) -> fmagc.FeatureCache:
    return fmagc.open_cache(folder / "data")


@pytest.fixture(scope="package")
def model(folder: Path) -> Path:
    from tests.support.trained_model import write_model  # imports torch

    path = folder / "data/models/official/crnn/0"
    return write_model(path, "crnn", genres=GENRES, clip_samples=CLIP_SAMPLES, sample_rate=SR, mel=MEL)
