"""Robustness: the clips of evaluation, and changes counted against the clean clip."""

import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fmagc.audio.log_mel import LogMel
from fmagc.cache.clip_positions import clip_table
from fmagc.cache.normalisation import Normalisation
from fmagc.cache.reader import Cache
from fmagc.dataset import clips
from fmagc.dataset.clips import ClipLoader, fixed_batches
from fmagc.inference.forward import probabilities
from fmagc.models.build import build
from fmagc.models.networks import Network
from fmagc.models.registry import MODELS
from fmagc.params.robustness import Robustness
from fmagc.params.signal import Mel
from fmagc.robustness.equivariance import encoders_of
from fmagc.robustness.experiment import DIVERGENCES, run_experiment
from fmagc.robustness.models_under_test import ModelUnderTest
from fmagc.robustness.transformed_clips import Task, Views, transformed_clip
from fmagc.robustness.transforms import CLEAN
from fmagc.tasks.task import TASKS
from tests.support.caches import publish
from tests.support.hardware import CPU
from tests.support.labels import single

MEL = Mel(n_fft=4096, hop_length=1024, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
SR = 22050
CLIP = 2**16  # 4 steps of the encoders
GENRES = ["Folk", "Rock"]
ARCHITECTURE = {"n_classes": 2, "clip_samples": CLIP, "hop_length": 1024, "n_mels": 16, "dropout": 0.5}
Z_SCORES = {"waveform": Normalisation([0.01], [0.2], []), "mel": Normalisation([-30.0] * 16, [12.0] * 16, [])}
SETTINGS = Robustness(
    tracks=4,
    encoder_steps=[0.5, 1.0],
    time_shift_s=[0.5],
    gain_db=[-12.0, 6.0],
    noise_snr_db=[],
    time_stretch_rate=[],
    pitch_shift_semitones=[],
    low_pass_hz=[],
    mp3_kbps=[],
)


@pytest.fixture
def waves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """Four tracks of noise bursts in both caches, as decode and mel would store them."""
    rng = np.random.default_rng(0)
    log_mel = LogMel(SR, MEL)
    scale = np.float32(0.9 / 32767)
    stored, mels, levels = [], [], []
    for _ in range(4):
        y = rng.standard_normal(4 * CLIP) * np.repeat(rng.uniform(0.01, 0.2, 64), CLIP // 16)
        stored.append(np.rint(y / scale / np.abs(y).max() * 0.9).astype(np.int16))
        S_db, ref_db = log_mel(stored[-1] * scale)
        mels.append(S_db.astype(np.float16))
        levels.append(ref_db)
    params = {"mel": MEL.model_dump(), "audio": {"sample_rate": SR}, "clip": {"samples": CLIP}}
    publish(tmp_path / "waves", stored, params=params, scale=[scale] * 4)
    publish(tmp_path / "mels", mels, params=params, ref_db=levels)
    monkeypatch.setattr(clips, "WAVES", tmp_path / "waves")
    monkeypatch.setattr(clips, "MELS", tmp_path / "mels")
    return Cache(tmp_path / "waves", "waves", columns=["scale"], stage="decode")


def split() -> pd.DataFrame:
    return pd.DataFrame({"track_id": range(4), "genre": GENRES * 2, "set": "test"})


def random_network(name: str) -> Network:
    """Build a network with random weights and running statistics, the same every time: no layer is dead."""
    torch.manual_seed(0)
    network = build(name, **ARCHITECTURE)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return network.eval()


def model_of(name: str, *, seen_samples: int = CLIP) -> ModelUnderTest:
    network = random_network(name)
    card = {
        "task": "single",
        "architecture": {"name": name, **ARCHITECTURE, "clip_samples": seen_samples},
        "seed": 0,
        "genres": GENRES,
        "mel": MEL.model_dump(),
        "normalisation": {view: vars(Z_SCORES[view]) for view in MODELS[name].inputs},
    }
    return ModelUnderTest(network, card, hardware=CPU)


def clean_clip(waves: Cache, track_id: int, *, frames: int = CLIP // 1024) -> Views:
    row = waves[track_id]
    task = Task(track_id, row.values, row.columns["scale"], CLEAN, frames)
    return transformed_clip(task, log_mel=LogMel(SR, MEL), sr=SR)


def test_an_untransformed_track_gives_the_clips_of_evaluation(waves: Cache) -> None:
    model = model_of("mmcrnn")
    loader = ClipLoader.open(Z_SCORES, clip_samples=CLIP, mel=MEL)
    table = clip_table(loader.tracks(split(), labels=single(GENRES)), clip_frames=loader.clip_frames, n_clips=1)
    batches = fixed_batches(loader, table, batch_size=4)
    task_of_model = TASKS["single"]
    evaluated = probabilities(
        random_network("mmcrnn"), batches, task=task_of_model, hardware=CPU, progress=tqdm(disable=True)
    )
    clips = [clean_clip(waves, track_id) for track_id in range(4)]
    p = model.probabilities(clips, clip_frames=CLIP // 1024, progress=tqdm(disable=True))
    np.testing.assert_allclose(p, evaluated, atol=1e-6)
    assert np.ptp(evaluated[:, 0]) > 1e-4  # the tracks differ
    stored = next(fixed_batches(loader, table, batch_size=4)).views
    np.testing.assert_array_equal(np.stack([clip["mel"] for clip in clips]), stored["mel"].values)
    samples = np.stack([clip["waveform"] / waves[0].columns["scale"] for clip in clips])
    np.testing.assert_allclose(samples, stored["waveform"].values, atol=0.01)


def test_a_network_of_patches_is_judged_by_the_mean_of_those_that_cover_the_clip(waves: Cache) -> None:
    patch, silent = CLIP // 4, tqdm(disable=True)
    model, whole = model_of("mmcrnn", seen_samples=patch), model_of("mmcrnn", seen_samples=patch)
    clips = [clean_clip(waves, track_id) for track_id in range(4)]
    assert model.starts(CLIP // 1024) == [0, 16, 32, 48]
    patches = [
        {"waveform": clip["waveform"][k * patch : (k + 1) * patch], "mel": clip["mel"][k * 16 : (k + 1) * 16]}
        for clip in clips
        for k in range(4)
    ]
    alone = whole.probabilities(patches, clip_frames=patch // 1024, progress=silent).reshape(4, 4, -1)
    p = model.probabilities(clips, clip_frames=CLIP // 1024, progress=silent)
    np.testing.assert_array_equal(p, alone.mean(axis=1))
    assert np.ptp(alone[:, :, 0], axis=1).min() > 1e-6  # the patches of a clip differ


def test_models_of_clips_and_of_patches_are_tested_on_the_same_music(waves: Cache) -> None:
    models = [model_of("cnn1d"), model_of("crnn", seen_samples=CLIP // 4)]
    results = run_experiment(models, split(), waves=waves, settings=SETTINGS, workers=2)
    predictions, errors = results.predictions, results.encoders
    assert set(predictions["model"]) == set(errors["model"]) == {"cnn1d", "crnn"}
    assert set(predictions["tracks"]) == {4}


def test_a_window_has_room_for_every_step_of_a_clip(waves: Cache) -> None:
    model = model_of("mmcrnn")
    frames = CLIP // 1024 + model.margin_frames(2.0)
    assert frames == CLIP // 1024 + (2 + 2 + 2) * 16
    rows = model.shift_errors(clean_clip(waves, 0, frames=frames), shifts=[0.5, 2.0])
    assert [(row["view"], row["steps"]) for row in rows] == [
        (encoder.view, steps) for encoder in encoders_of(random_network("mmcrnn")) for steps in (0.5, 2.0)
    ]
    assert all(row["equivariance"] < 1e-5 for row in rows if row["steps"] == 2.0)


class LoudnessModel:
    """Predict Rock for a loud clip."""

    name, seed = "loudness", 3
    encoder_views = ("mel",)
    data = {"task": "single", "genres": GENRES, "mel": MEL.model_dump()}  # noqa: RUF012

    def starts(self, clip_frames: int) -> list[int]:
        return [0]

    def probabilities(self, clips: list[Views], *, clip_frames: int, progress: Any) -> NDArray[np.float64]:
        loud = [bool(np.abs(clip["waveform"]).max() > 0.3) for clip in clips]
        return np.array([[0.1, 0.9] if is_loud else [0.8, 0.2] for is_loud in loud])

    def margin_frames(self, step: float) -> int:
        return 2 * 16

    def shift_errors(self, window: Views, *, shifts: list[float]) -> list[dict[str, Any]]:
        rows = len(window["mel"])
        return [{"view": "mel", "steps": steps, "equivariance": rows, "invariance": 1.0} for steps in shifts]


def test_flips_and_divergences_are_counted_against_the_clean_clip(waves: Cache) -> None:
    models: list[Any] = [LoudnessModel(), model_of("crnn")]
    results = run_experiment(models, split(), waves=waves, settings=SETTINGS, workers=2)
    predictions, errors = results.predictions, results.encoders
    assert predictions[["transform", "strength"]].drop_duplicates().values.tolist() == [
        ["time_shift_s", 0.5],
        ["gain_db", -12.0],
        ["gain_db", 6.0],
    ]
    assert set(predictions["tracks"]) == set(errors["tracks"]) == {4}
    loudness = predictions[predictions["model"] == "loudness"].set_index(["transform", "strength"])
    expected = 0.1 * np.log(0.1 / 0.8) + 0.9 * np.log(0.9 / 0.2)
    assert loudness.loc[("gain_db", -12.0)].to_dict() == {
        "model": "loudness",
        "seed": 3,
        "tracks": 4,
        "flipped": 1.0,
        "kl": pytest.approx(expected, abs=1e-6),
    }
    assert loudness.loc[("gain_db", 6.0), ["flipped", "kl"]].tolist() == [0, 0]
    network = predictions[predictions["model"] == "crnn"].set_index("transform")
    assert network.loc["gain_db", "kl"].max() < 1e-5  # levels of the cache are relative to the track's maximum
    assert network.loc["time_shift_s", "kl"] > 0
    window = CLIP // 1024 + (2 + 2 + 1) * 16  # of the crnn
    assert errors.loc[errors["model"] == "loudness", "equivariance"].tolist() == [window] * 2


def test_what_tracks_are_too_short_for_is_left_out(waves: Cache) -> None:
    settings = SETTINGS.model_copy(update={"encoder_steps": [1.0, 9.0], "time_shift_s": [5.0], "gain_db": [-6.0]})
    results = run_experiment([model_of("crnn")], split(), waves=waves, settings=settings, workers=1)
    measured = results.predictions.set_index("transform")
    assert measured["tracks"].to_dict() == {"time_shift_s": 0, "gain_db": 4}
    assert measured["flipped"].isna().to_dict() == {"time_shift_s": True, "gain_db": False}
    assert results.encoders.set_index("steps")["tracks"].to_dict() == {1.0: 4, 9.0: 0}
    assert results.left_out == (
        "left out, with the length that a test track needs: robustness.encoder_steps 9 (12.6 s); "
        "robustness.time_shift_s 5 (13.0 s); the longest test tracks, 2 of 4, have 11.9 s or more"
    )
    nothing = settings.model_copy(update={"encoder_steps": [9.0], "gain_db": []})
    results = run_experiment([model_of("mmcrnn")], split(), waves=waves, settings=nothing, workers=1)
    assert results.predictions["tracks"].tolist() == [0]
    assert results.encoders[["view", "steps", "tracks"]].values.tolist() == [["waveform", 9.0, 0], ["mel", 9.0, 0]]


def test_tracks_of_several_genres_diverge_by_the_sum_over_genres(waves: Cache) -> None:
    several = split().drop(columns="genre").assign(genres="Folk;Rock")
    settings = SETTINGS.model_copy(update={"tracks": 1, "time_shift_s": []})
    predictions = run_experiment([LoudnessModel()], several, waves=waves, settings=settings, workers=1).predictions
    rock, folk = 0.1 * np.log(0.1 / 0.8) + 0.9 * np.log(0.9 / 0.2), 0.9 * np.log(0.9 / 0.2) + 0.1 * np.log(0.1 / 0.8)
    assert predictions["flipped"].tolist() == [1.0, 0.0]
    assert predictions["kl"].tolist() == [pytest.approx(rock + folk, abs=1e-6), 0.0]


def test_divergence_is_that_of_kullback_and_leibler() -> None:
    p, q = np.array([0.5, 0.5, 0.0]), np.array([[0.5, 0.5, 0.0], [0.25, 0.5, 0.25]])
    np.testing.assert_allclose(DIVERGENCES["single"](p, q), [0, 0.5 * np.log(2)])


def test_divergence_of_independent_genres_is_that_of_their_joint_distribution() -> None:
    p, q = np.array([0.5, 0.1, 1.0]), np.array([0.25, 0.3, 0.75])
    each = list(product([True, False], repeat=3))
    joint = [[np.where(carried, own, 1 - own).prod() for carried in each] for own in (p, q)]
    assert DIVERGENCES["multi"](p, q) == pytest.approx(DIVERGENCES["single"](*np.array(joint)))
    assert DIVERGENCES["multi"](p, p) == 0
    certain = DIVERGENCES["multi"](np.array([0.5]), np.array([1.0]))
    assert certain == pytest.approx(0.5 * np.log(0.25 / 2**-52))


@pytest.mark.slow
def test_workers_start_without_torch() -> None:
    code = "import sys, fmagc.robustness.transformed_clips; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
