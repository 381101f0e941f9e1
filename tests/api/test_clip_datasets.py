"""Datasets of clips, and batches that are the trainer's; wrong arguments are named."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch.utils.data import DataLoader

import fmagc
from fmagc.cache.clip_positions import clip_table
from fmagc.corpus.index import read_split
from fmagc.dataset.clips import fixed_batches
from fmagc.params.training import Augmentation
from fmagc.runtime.tables import write_csv
from fmagc.training.batches import RandomBatches
from tests.support.data_folder import CLIP_SAMPLES, MEL, REJECTED

AUGMENT = [
    {"name": "gaussian_noise", "p": 0.5, "min_amplitude": 0.001, "max_amplitude": 0.015},
    {"name": "time_stretch", "p": 0.5, "min_rate": 0.8, "max_rate": 1.25},
]
VIEWS = ("waveform", "mel")


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
