"""Predictor: a file, its samples and the command give the same probabilities."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from safetensors.torch import load

from fmagc.cli import main
from fmagc.errors import RejectedTrack
from fmagc.inference.predictor import Prediction, Predictor
from fmagc.models.safetensors_io import pack
from fmagc.params.signal import Mel
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.files import digest, read_record, write_record
from tests.support.audio_files import music
from tests.support.dag import ROOT
from tests.support.trained_model import write_model

SR = 44_100
SAMPLES = 2**16
MEL = Mel(n_fft=4096, hop_length=1024, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
GENRES = ["Folk", "Jazz", "Rock"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A folder of an untrained network that reads both views and knows music of at most three seconds."""
    return write_model(tmp_path / "model", "mmcrnn", genres=GENRES, clip_samples=SAMPLES, sample_rate=SR, mel=MEL)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    """Eight seconds at a rate that must be resampled: three excerpts."""
    path = tmp_path / "song.wav"
    soundfile.write(path, music(48_000 * 8, channels=1), 48_000, subtype="FLOAT")
    return path


@pytest.mark.slow
def test_a_file_its_samples_and_the_command_agree(model: Path, song: Path) -> None:
    predictor = Predictor(model)
    of_file = predictor.predict(song)
    y, sr = soundfile.read(song, dtype="float32")
    of_samples = predictor.predict(y, sr=sr)
    np.testing.assert_array_equal(of_samples.clips, of_file.clips)
    np.testing.assert_array_equal(of_samples.starts_s, of_file.starts_s)
    assert of_samples.seconds == of_file.seconds == 8
    assert len(of_file.clips) == 3 * 3  # clips that cover each excerpt
    done = subprocess.run(
        [sys.executable, "-m", "fmagc", "predict", str(song), "--model", str(model), "--json"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
    )
    (entry,) = json.loads(done.stdout)
    assert list(entry["probabilities"].values()) == of_file.probabilities.round(6).tolist()
    assert [list(clip["probabilities"].values()) for clip in entry["clips"]] == of_file.clips.round(6).tolist()
    assert entry["genre"] == of_file.top(1)[0][0]


def test_a_prediction_names_its_genres_best_first(model: Path, song: Path) -> None:
    prediction = Predictor(str(model), n_clips=2).predict(str(song))
    assert prediction.clips.shape == (3 * 2, 3)
    best = prediction.top(3)
    assert sorted(genre for genre, _ in best) == GENRES
    assert [p for _, p in best] == sorted(prediction.probabilities, reverse=True)
    assert repr(prediction).startswith(f"Prediction({best[0][0]} 0.")
    assert repr(Predictor(model)) == "Predictor(mmcrnn: 3 genres, clips of 1.49 s at 44100 Hz)"


def test_of_equally_probable_genres_the_first_is_named_first() -> None:
    prediction = Prediction(tuple(GENRES), np.array([[0.25, 1.0, 1.0]]), np.zeros(1), 1.5, silent=False)
    assert prediction.top(2) == [(GENRES[1], 1.0), (GENRES[2], 1.0)], "as the command and every measure take them"


def test_a_model_of_several_genres_gives_each_a_probability_of_its_own(tmp_path: Path, model: Path, song: Path) -> None:
    settings = {"genres": GENRES, "clip_samples": SAMPLES, "sample_rate": SR, "mel": MEL}
    several = Predictor(write_model(tmp_path / "several", "mmcrnn", task="multi", **settings))
    of_one, of_several = Predictor(model).predict(song).clips, several.predict(song).clips
    odds = of_several / (1 - of_several)
    np.testing.assert_allclose(of_one, odds / odds.sum(axis=1, keepdims=True), rtol=1e-6)
    assert (several.task, Predictor(model).task) == ("multi", "single")


def test_a_model_of_patches_covers_each_excerpt(model: Path, song: Path) -> None:
    card = read_record(model / CARD, stage="train")
    write_record(model / CARD, card | {"train": card["train"] | {"patch_samples": SAMPLES}})
    y = music(SR * 4, channels=1)[:, 0].astype(np.float32)  # excerpts of 3 s and of what is left
    predictor = Predictor(model)
    assert [len(predictor.predict(y[: int(SR * seconds)]).clips) for seconds in (1.5, 2.9, 3.0)] == [1, 2, 3]
    assert len(predictor.predict(song).clips) == 3 * 3
    assert len(Predictor(model, n_clips=5).predict(y[: SR * 2]).clips) == 5


def test_an_array_stays_as_it_is_and_must_be_mono_floats(model: Path) -> None:
    predictor = Predictor(model)
    y = music(SR * 2, channels=1)[:, 0].astype(np.float32)
    before = y.copy()
    assert predictor.predict(y).seconds == 2
    np.testing.assert_array_equal(y, before)
    with pytest.raises(ValueError, match=r"found float32 of shape \(44100, 2\)"):
        predictor.predict(np.zeros((SR, 2), np.float32))
    with pytest.raises(ValueError, match="found int16 of shape"):
        predictor.predict(np.zeros(SR * 2, np.int16))
    with pytest.raises(RejectedTrack, match="too_short"):
        predictor.predict(y[:1000])
    y[7] = np.nan
    with pytest.raises(RejectedTrack, match="non_finite"):
        predictor.predict(y)


def test_probabilities_that_are_not_finite_reject_the_file_and_no_genre_is_named(
    model: Path, song: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    card = read_record(model / CARD, stage="train")
    tensors = load((model / WEIGHTS).read_bytes())
    tensors["mel_encoder.blocks.0.body.1.running_var"] -= 100  # its root is no number
    data = pack(tensors)
    (model / WEIGHTS).write_bytes(data)
    write_record(model / CARD, card | {"weights": digest(data)})
    with pytest.raises(RejectedTrack, match="the probabilities of 9 of 9 clips are not finite"):
        Predictor(model).predict(song)
    capfd.readouterr()
    assert main(["predict", str(song), "--model", str(model)]) == 1
    printed, said = capfd.readouterr()
    assert printed == ""
    assert f"{song}: non_finite: the probabilities of 9 of 9 clips are not finite" in said
    assert "Traceback" not in said
