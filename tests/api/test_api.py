"""The public names: lazy, documented by examples that run, and the same music and batches as the stages."""

import ast
import contextlib
import doctest
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch.utils.data import DataLoader

import fmagc
from fmagc.cache.clip_positions import clip_table
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.dataset.clips import fixed_batches
from fmagc.evaluation.metrics import METRICS
from fmagc.params.training import Augmentation
from fmagc.runtime.tables import write_csv
from fmagc.training.batches import RandomBatches
from tests.support.audio_files import mp3, music
from tests.support.dag import ROOT
from tests.support.data_folder import CLIP_SAMPLES, GENRES, IDS, MEL, REJECTED, SR, write_data
from tests.support.decoders import needs_libmpg123
from tests.support.small_project import IDS as DECODED
from tests.support.small_project import Small, write_small
from tests.support.trained_model import write_model

AUGMENT = [
    {"name": "gaussian_noise", "p": 0.5, "min_amplitude": 0.001, "max_amplitude": 0.015},
    {"name": "time_stretch", "p": 0.5, "min_rate": 0.8, "max_rate": 1.25},
]
VIEWS = ("waveform", "mel")
PAGE = ROOT / "docs/train_your_own.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("api")
    write_data(root / "data")
    model = root / "data/models/official/crnn/0"
    write_model(model, "crnn", genres=GENRES, clip_samples=CLIP_SAMPLES, sample_rate=SR, mel=MEL)
    (root / "song.mp3").write_bytes(mp3(music(SR * 3, channels=2)))
    return root


@pytest.fixture(scope="module")
def cache(folder: Path) -> fmagc.FeatureCache:
    return fmagc.open_cache(folder / "data")


def trainer(dataset: fmagc.ClipDataset, *, epoch: int, batch_size: int = 2) -> list[dict[str, torch.Tensor]]:
    """Return the batches that the stage train draws, normalised."""
    augment = TypeAdapter(list[Augmentation]).validate_python(AUGMENT)
    random = RandomBatches(
        dataset.loader,
        dataset.tracks,
        rounds=dataset.n_clips,
        batch_size=batch_size,
        augment=augment,
        seed=dataset.seed,
    )
    return [batch.on(torch.device("cpu")) | {"label": batch.target} for batch in random.epoch(epoch)]


def assert_same(found: list[dict[str, torch.Tensor]], expected: list[dict[str, torch.Tensor]]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for key, values in other.items():
            assert torch.equal(one[key], values), key


def test_importing_fmagc_imports_nothing_heavy() -> None:
    code = "import sys, fmagc; dir(fmagc); sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_cache_and_signals_import_no_torch(folder: Path) -> None:
    code = "import sys, fmagc; fmagc.open_cache(), fmagc.decode, fmagc.log_mel; sys.exit('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert run.returncode == 0


def test_names_are_there_and_others_are_not() -> None:
    assert set(fmagc.__all__) <= set(dir(fmagc))
    assert all(getattr(fmagc, name).__doc__ for name in fmagc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fmagc.nothing


@pytest.mark.parametrize("name", fmagc.__all__)
def test_every_public_name_has_examples_and_they_hold(name: str, folder: Path) -> None:
    tests = doctest.DocTestFinder().find(getattr(fmagc, name), name, module=False, globs={})
    assert any(test.examples for test in tests if test.name == name)
    runner = doctest.DocTestRunner()
    with contextlib.chdir(folder):
        for test in tests:
            assert runner.run(test).failed == 0, test.name


def test_the_page_s_network_trains(folder: Path) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    *epochs, metrics, song = run.stdout.splitlines()
    assert [re.sub(r"[01]\.\d\d$", "", line) for line in epochs] == [
        f"epoch {n}: validation accuracy " for n in (1, 2, 3)
    ]
    assert set(ast.literal_eval(metrics)) == set(METRICS)
    assert song in [f"song.mp3: {genre}" for genre in GENRES]


def test_the_cache_is_a_table_and_a_mapping(cache: fmagc.FeatureCache) -> None:
    assert list(cache) == list(IDS) == cache.tracks.index.tolist()
    assert cache.tracks.columns.tolist() == ["genre", "artist", "title", "seconds", "flags", "official", "path"]
    assert cache.genres == list(GENRES)
    assert cache.rejected.loc[REJECTED].to_dict() == {
        "reason": "too_short", "detail": "9 samples", "genre": "Rock", "artist": "Artist 99", "title": "Song 99",
        "official": "train", "path": "99.mp3",
    }  # fmt: skip
    assert cache.split("official").loc[REJECTED, "set"] == "train"
    assert REJECTED not in cache
    with pytest.raises(KeyError, match="track 99 was rejected: too_short: 9 samples"):
        _ = cache[REJECTED]
    track = cache[IDS[0]]
    assert (track.path, track.genre, track.artist) == ("2.mp3", "Folk", "Artist 2")
    assert track.sets == {"official": "train"}
    assert "9 tracks of 2 genres" in repr(cache)


def test_a_track_s_spectrogram_is_that_of_its_waveform(cache: fmagc.FeatureCache) -> None:
    for track in cache.values():
        y, sr = track.waveform()
        S_db = track.log_mel()
        assert (y.dtype, sr, len(y) / sr) == (np.float32, SR, track.seconds)
        assert S_db.shape == (len(y) // MEL.hop_length, MEL.n_mels)
        np.testing.assert_allclose(fmagc.log_mel(y, sr=sr), S_db, atol=0.04)  # float16 in dB


def test_a_damaged_row_is_found_when_it_is_read(tmp_path: Path) -> None:
    write_data(tmp_path / "data")
    cache = fmagc.open_cache(tmp_path / "data")
    row = cache.reader("waveform")[IDS[1]]
    with (tmp_path / "data/waves/000.h5").open("r+b") as file:
        file.seek(row.offset + 100)
        file.write(b"\x55\x55")
    cache[IDS[0]].waveform()
    with pytest.raises(fmagc.DataError, match=r"000\.h5: expected digest .* run `dvc checkout --force`"):
        cache[IDS[1]].waveform()
    with pytest.raises(fmagc.DataError, match="other bytes in row 1"):
        fmagc.ClipDataset(cache, views=("waveform",))


@pytest.mark.parametrize("there", [True, False])
def test_no_cache_names_the_commands(tmp_path: Path, there: bool) -> None:
    folder = tmp_path if there else tmp_path / "data"
    with pytest.raises(
        fmagc.DataError, match=rf"{folder}: expected the folder data .* `dvc repro` .* `fmagc use FOLDER`"
    ):
        fmagc.open_cache(folder)


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("index/splits/official.csv", "index/splits: expected a table for each protocol of the run, found none: run"),
        ("mels/manifest.json", r"mels/manifest\.json: expected a file of the stage mel, found none: run `dvc repro`"),
        ("stats/official.json", r"official\.json: expected a file of the stage stats@official, found none: run `dvc"),
    ],
)
def test_a_part_that_is_missing_is_named_with_the_command(tmp_path: Path, missing: str, message: str) -> None:
    write_data(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(fmagc.DataError, match=message):
        fmagc.ClipDataset(fmagc.open_cache(tmp_path))


def test_tables_of_a_cache_without_a_split_name_the_command(tmp_path: Path) -> None:
    write_data(tmp_path)
    (tmp_path / "index/splits/official.csv").unlink()
    cache = fmagc.open_cache(tmp_path)
    with pytest.raises(fmagc.DataError, match="expected a table for each protocol of the run, found none"):
        _ = cache.tracks


def test_decode_gives_the_samples_that_the_cache_holds(sound: Small) -> None:
    cache = Cache(sound.root / "data/waves", "waves", columns=["scale"], stage="decode")
    assert len(cache.track_ids) == len(DECODED) - 1
    for track_id in cache.track_ids:
        y, sr = fmagc.decode(sound.root / f"data/raw/little/{track_id}.mp3", max_seconds=2.0, min_samples=2**15)
        row = cache[track_id]
        assert sr == SR
        np.testing.assert_array_equal(y, row.values * np.float32(row.columns["scale"]))


@needs_libmpg123
def test_decode_takes_the_decoder_of_a_cache(tmp_path: Path) -> None:
    small = write_small(tmp_path)
    path = next((small.root / "data/raw/little").glob("*.mp3"))
    y, other = (fmagc.decode(path, decoder=decoder)[0] for decoder in ("soundfile", "mpg123"))
    assert y.shape == other.shape
    assert np.abs(y - other).max() <= 1.01 * np.abs(y).max() / 32767
    with pytest.raises(ValueError, match="decoder: expected one of soundfile, mpg123, found 'lame'"):
        fmagc.decode(path, decoder="lame")


def test_decode_rejects_with_a_reason(tmp_path: Path) -> None:
    with pytest.raises(fmagc.RejectedTrack) as caught:
        fmagc.decode(tmp_path / "none.mp3")
    assert caught.value.reason is fmagc.Reason.MISSING_FILE
    assert str(caught.value) == f"{tmp_path}/none.mp3: missing_file: No such file or directory"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("y", "settings", "message"),
    [
        (np.zeros((2, 5000), np.float32), {}, r"expected y of shape \(n,\)"),
        (np.zeros(5000, np.int16), {}, "a floating type, found"),
        (np.array([0, np.nan, np.inf] * 1000, np.float32), {}, "finite samples, found 2000 NaN or infinite of 3000"),
        (np.zeros(100, np.float32), {}, "at least one hop, 1024 samples, found 100"),
        (np.zeros(5000, np.float32), {"sr": 0}, "sr: expected an integer from 1 on, found 0"),
    ],
)
def test_log_mel_refuses_what_is_no_waveform(y: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fmagc.log_mel(y, **{"sr": SR} | settings)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(fmagc.SettingsError, match=r"fmagc\.log_mel: n_fft: expected a power of two, as 1024"):
        fmagc.log_mel(np.zeros(5000, np.float32), sr=SR, n_fft=1000)
    with pytest.raises(fmagc.SettingsError, match=r"fmax at most half of sr \(22050 Hz\), found 0\.0 and 30000\.0"):
        fmagc.log_mel(np.zeros(5000, np.float32), sr=SR, fmax=30_000.0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_stock_loader_gives_the_trainer_s_batches(cache: fmagc.FeatureCache, workers: int) -> None:
    dataset = fmagc.ClipDataset(cache, views=VIEWS, seed=3)
    batches = fmagc.TrainerBatches(dataset, batch_size=2, augment=fmagc.Augment(cache, settings=AUGMENT))
    loader = DataLoader(dataset, batch_sampler=batches, num_workers=workers, persistent_workers=workers > 0)
    for epoch in (1, 2):
        batches.set_epoch(epoch)
        assert_same(list(loader), trainer(dataset, epoch=epoch))


def test_patches_of_a_track_are_its_items_and_the_trainer_s_batches_hold_as_many(cache: fmagc.FeatureCache) -> None:
    options = {"views": VIEWS, "seed": 3, "clip_samples": CLIP_SAMPLES // 4}
    patches, single = fmagc.ClipDataset(cache, n_clips=3, **options), fmagc.ClipDataset(cache, **options)
    assert len(patches) == 3 * len(single) == 3 * len(patches.tracks)
    for index, item in enumerate(single):
        of_track = patches.__getitems__(range(3 * index, 3 * index + 3))
        assert torch.equal(of_track[0]["mel"], item["mel"])  # the first is the one of a dataset of one
        assert {patch["track_id"] for patch in of_track} == {item["track_id"]}
        assert len({patch["mel"].numpy().tobytes() for patch in of_track}) > 1
    batches = fmagc.TrainerBatches(patches, batch_size=2, augment=fmagc.Augment(cache, settings=AUGMENT))
    batches.set_epoch(2)
    found = list(DataLoader(patches, batch_sampler=batches))
    assert_same(found, trainer(patches, epoch=2))
    assert len(found) == len(batches) == 3 * 3
    with pytest.raises(IndexError, match="expected an index below 15, found 15"):
        patches[15]


@pytest.mark.parametrize("context", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_random_clips_depend_on_seed_and_epoch_alone(cache: fmagc.FeatureCache, context: str) -> None:
    dataset = fmagc.ClipDataset(cache, views=VIEWS, seed=1, augment=fmagc.Augment(cache, settings=AUGMENT))
    workers = DataLoader(dataset, batch_size=2, num_workers=2, persistent_workers=True, multiprocessing_context=context)
    epochs = []
    for epoch in (1, 2):
        dataset.set_epoch(epoch)
        epochs.append(list(workers))
        assert_same(epochs[-1], list(DataLoader(dataset, batch_size=2)))
    assert not torch.equal(epochs[0][0]["waveform"], epochs[1][0]["waveform"])


def test_fixed_clips_are_those_that_the_trainer_measures(cache: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(cache, split="val", views=VIEWS, clips="fixed", n_clips=3)
    assert len(dataset) == 6
    table = clip_table(dataset.tracks, clip_frames=dataset.clip_frames, n_clips=3)
    expected = [batch.on(torch.device("cpu")) for batch in fixed_batches(dataset.loader, table, batch_size=4)]
    assert_same(list(DataLoader(dataset, batch_size=4)), expected)


def test_clips_that_are_not_normalised_are_those_of_the_track(cache: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(cache, views=VIEWS, clips="fixed", normalise=False)
    item = dataset[-1]
    track = cache[item["track_id"]]
    start = (len(track.log_mel()) - dataset.clip_frames) // 2
    y = track.waveform()[0][start * MEL.hop_length :][:CLIP_SAMPLES]
    np.testing.assert_array_equal(item["waveform"], y)
    np.testing.assert_array_equal(item["mel"], track.log_mel()[start : start + dataset.clip_frames])
    assert item["label"] == dataset.genres.index(track.genre)


@pytest.fixture(scope="module")
def several(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> fmagc.FeatureCache:
    """The same tracks; every one is Music, and those of odd ids are Rock, too."""
    copy = shutil.copytree(folder / "data", tmp_path_factory.mktemp("several") / "data")
    path = copy / "index/splits/official.csv"
    split = read_split("official", folder=path.parent)
    texts = split.pop("genre").map({"Folk": "Music", "Rock": "Music;Rock"})
    write_csv(path, split.drop(columns="own_digest", errors="ignore").assign(genres=texts))
    return fmagc.open_cache(copy)


def test_a_label_of_several_genres_is_a_0_or_1_for_each(several: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(several, seed=3)
    assert dataset.genres == several.genres == ["Music", "Rock"]
    batch = next(iter(DataLoader(dataset, batch_size=5)))
    assert batch["label"].dtype == torch.float32
    assert batch["label"].tolist() == [[1, n % 2] for n in batch["track_id"].tolist()]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(torch.zeros(5, 2), batch["label"])
    assert loss.item() == pytest.approx(np.log(2))
    assert several[3].genre == "Music; Rock"
    assert several.tracks.loc[3, "genre"] == "Music; Rock"
    assert several.rejected.loc[REJECTED, "genre"] == "Music; Rock"


def test_the_trainer_s_batches_are_the_same_clips_in_both_tasks(
    cache: fmagc.FeatureCache, several: fmagc.FeatureCache
) -> None:
    found = []
    for each in (cache, several):
        batches = fmagc.TrainerBatches(fmagc.ClipDataset(each, seed=3), batch_size=2)
        found.append(list(DataLoader(fmagc.ClipDataset(each, seed=3), batch_sampler=batches)))
    for one, other in zip(*found, strict=True):
        assert torch.equal(one["mel"], other["mel"])
        assert one["label"].tolist() == other["label"][:, 1].tolist()


def test_a_pickled_dataset_gives_the_same_clips(cache: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(cache)
    again = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes
    assert torch.equal(again[0]["mel"], dataset[0]["mel"])
    with pytest.raises(IndexError, match="expected an index below 5, found 5"):
        again[5]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"split": "training"}, "split: expected train, val or test, found 'training'"),
        ({"clips": "even"}, "clips: expected random or fixed, found 'even'"),
        ({"views": ()}, r"views: expected waveform, mel or both, found \(\)"),
        ({"views": ("mels",)}, r"views: expected waveform, mel or both, found \('mels',\)"),
        ({"n_clips": 0, "clips": "fixed"}, "n_clips: expected an integer from 1 on, found 0"),
        ({"n_clips": 1.5, "clips": "fixed"}, r"n_clips: expected an integer from 1 on, found 1\.5"),
        ({"clip_samples": 0}, "clip_samples: expected an integer from 1024 on, found 0"),
        ({"clip_samples": 1023}, "clip_samples: expected an integer from 1024 on, found 1023"),
        (
            {"clip_samples": 2**20},
            "clip_samples: expected at most 89088, the length of the shortest track, found 104857",
        ),
        ({"seed": -1}, "seed: expected an integer from 0 on, found -1"),
        ({"clips": "fixed", "augment": lambda *_: None}, "augment: expected None for fixed clips"),
    ],
)
def test_wrong_arguments_are_named(cache: fmagc.FeatureCache, wrong: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        fmagc.ClipDataset(cache, **wrong)


def test_a_protocol_that_the_run_lacks_is_named(cache: fmagc.FeatureCache) -> None:
    with pytest.raises(fmagc.DataError, match="expected a protocol of the run, official, found 'artist': name one"):
        fmagc.ClipDataset(cache, protocol="artist")


def test_batches_of_the_trainer_refuse_wrong_arguments(cache: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(cache)
    with pytest.raises(ValueError, match="batch_size: expected an integer from 1 on, found 0"):
        fmagc.TrainerBatches(dataset, batch_size=0)
    wrong = [AUGMENT[0] | {"p": 2.0}]
    with pytest.raises(ValueError, match=r"^dataset: expected random clips, found fixed ones"):
        fmagc.TrainerBatches(fmagc.ClipDataset(cache, clips="fixed"), batch_size=2)
    with pytest.raises(fmagc.SettingsError, match=r"^fmagc\.Augment: settings\.0\.p: expected .*2\.0"):
        fmagc.Augment(cache, settings=wrong)


def test_wrong_kinds_of_arguments_are_named(cache: fmagc.FeatureCache) -> None:
    with pytest.raises(TypeError, match=r"^cache: expected what fmagc\.open_cache returns, found 'data'"):
        fmagc.ClipDataset("data")
    with pytest.raises(TypeError, match=r"^augment: expected a callable as fmagc\.Augment"):
        fmagc.ClipDataset(cache, augment=AUGMENT)
    with pytest.raises(TypeError, match=r"^augment: expected fmagc\.Augment\(cache, settings=\[\.\.\.\]\), found"):
        fmagc.TrainerBatches(fmagc.ClipDataset(cache), batch_size=2, augment=AUGMENT)
    with pytest.raises(ValueError, match=r"^view: expected waveform or mel, found 'melspec'"):
        cache.verify("melspec")
    with pytest.raises(ValueError, match=r"^epoch: expected an integer from 0 on, found -1"):
        fmagc.ClipDataset(cache).set_epoch(-1)


def test_a_model_refuses_wrong_arguments(folder: Path) -> None:
    model = folder / "data/models/official/crnn/0"
    with pytest.raises(ValueError, match="n_clips: expected an integer from 1 on, found 0"):
        fmagc.load_model(model, n_clips=0)
    with pytest.raises(ValueError, match="sr: expected an integer from 1 on, found 0"):
        fmagc.load_model(model).predict(np.zeros(SR * 2, np.float32), sr=0)
    with pytest.raises(TypeError, match="recording: expected a path, an array or a tensor, found list"):
        fmagc.load_model(model).predict([0.0] * SR)
    with pytest.raises(fmagc.RejectedTrack, match=r"^none\.mp3: missing_file: No such file"):
        fmagc.load_model(model).predict("none.mp3")
    with pytest.raises(ValueError, match="n: expected an integer from 1 on, found -1"):
        fmagc.load_model(model).predict(np.zeros(SR * 2, np.float32)).top(-1)


@pytest.mark.parametrize("named", ["official/crnn", "artist/crnn/0", "official/cnn2d/0", "official/crnn/1"])
def test_models_that_are_there_are_named(folder: Path, named: str) -> None:
    model = folder / "data/models/official/crnn/0"
    with pytest.raises(fmagc.DataError, match=f"models found: {model}$"):
        fmagc.load_model(folder / "data/models" / named)
    with pytest.raises(fmagc.DataError, match=r"models found: none near it$"):
        fmagc.load_model(folder / "no/models/at/all")


def test_a_tensor_is_predicted_as_its_array(folder: Path) -> None:
    model = fmagc.load_model(folder / "data/models/official/crnn/0")
    y = np.sin(np.arange(SR * 2, dtype=np.float32) / 7)
    np.testing.assert_array_equal(model.predict(torch.from_numpy(y)).clips, model.predict(y).clips)


def test_a_dataset_shows_protocol_and_set(cache: fmagc.FeatureCache) -> None:
    dataset = fmagc.ClipDataset(cache, split="val", clips="fixed", n_clips=3)
    assert repr(dataset) == (
        "ClipDataset(official val: 6 fixed clips of 64 frames from 2 tracks of 2 genres; views: mel; normalised)"
    )
    augmented = fmagc.ClipDataset(cache, normalise=False, augment=fmagc.Augment(cache, settings=AUGMENT))
    assert repr(augmented).endswith("views: mel; augmented)")


def test_a_track_is_normalised_as_its_clips_are(cache: fmagc.FeatureCache) -> None:
    item = fmagc.ClipDataset(cache, views=VIEWS, clips="fixed")[0]
    track, z_scores = cache[item["track_id"]], cache.normalisation("official")
    S_db = track.log_mel()
    start = (len(S_db) - 64) // 2
    y = track.waveform()[0][start * MEL.hop_length :][:CLIP_SAMPLES]
    np.testing.assert_allclose(z_scores["mel"].transform(S_db[start : start + 64]), item["mel"], atol=1e-6)
    np.testing.assert_allclose(z_scores["waveform"].transform(y), item["waveform"], atol=1e-5)
