"""Clips and batches: two views of the same music, the same batches for the same seed."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fmagc.audio.log_mel import LogMel
from fmagc.audio.time_stretch import HOP, SEARCH_RADIUS
from fmagc.cache.normalisation import Normalisation
from fmagc.cache.reader import Cache
from fmagc.dataset import clips
from fmagc.dataset.batch import Batch
from fmagc.dataset.clips import ClipLoader, fixed_batches, prefetch
from fmagc.devices.device import prepare
from fmagc.devices.process_group import ALL, Share
from fmagc.errors import DataError
from fmagc.params.signal import Mel
from fmagc.params.training import Augmentation, GaussianNoise, TimeStretch
from fmagc.training.augment import ClipTransform, Noise, sample
from fmagc.training.batches import RandomBatches, mel_noise
from tests.support.caches import publish
from tests.support.hardware import CPU
from tests.support.labels import single

MEL = Mel(n_fft=512, hop_length=256, n_mels=16, fmin=0.0, fmax=None, top_db=80.0)
SR = 22050
FRAMES = 64
LENGTHS = [2**15, 2**15 + 300, 2**16, 2**16 + 5, 2**15 + 999, 2**15]
AUGMENT = [
    GaussianNoise(name="gaussian_noise", p=0.5, min_amplitude=0.001, max_amplitude=0.015),
    TimeStretch(name="time_stretch", p=0.5, min_rate=0.8, max_rate=1.25),
]


def random_batches(
    loader: ClipLoader,
    *,
    rounds: int = 1,
    batch_size: int = 4,
    augment: Sequence[Augmentation] = AUGMENT,
    seed: int = 0,
    share: Share = ALL,
) -> RandomBatches:
    return RandomBatches(
        loader, tracks(loader), rounds=rounds, batch_size=batch_size, augment=augment, seed=seed, share=share
    )


@pytest.fixture
def loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClipLoader:
    """Six tracks of noise with one loud click each, in both caches; no normalisation."""
    rng = np.random.default_rng(0)
    log_mel = LogMel(SR, MEL)
    waves, mels, levels = [], [], []
    for number, length in enumerate(LENGTHS):
        y = (0.001 * rng.standard_normal(length)).astype(np.float32)
        y[(40 + number) * 256] = 1.0  # on frame 40 + number
        S_db, ref_db = log_mel(y)
        waves.append(np.rint(y * 32767).astype(np.int16))
        mels.append(S_db.astype(np.float16))
        levels.append(ref_db)
    params = {"mel": MEL.model_dump(), "audio": {"sample_rate": SR}}
    publish(tmp_path / "waves", waves, params=params, scale=[1 / 32767] * len(waves))
    publish(tmp_path / "mels", mels, params=params, ref_db=levels)
    monkeypatch.setattr(clips, "WAVES", tmp_path / "waves")
    monkeypatch.setattr(clips, "MELS", tmp_path / "mels")
    same = {"waveform": Normalisation([0.0], [1.0], []), "mel": Normalisation([0.0] * 16, [1.0] * 16, [])}
    return ClipLoader.open(same, clip_samples=FRAMES * 256, mel=MEL)


def tracks(loader: ClipLoader) -> pd.DataFrame:
    split = pd.DataFrame({"track_id": range(6), "genre": ["Folk", "Rock"] * 3, "set": "train"})
    return loader.tracks(split, labels=single(["Folk", "Rock"]))


def test_both_views_are_the_same_music(loader: ClipLoader) -> None:
    rows = tracks(loader).assign(start=list(range(0, 30, 5)))
    batch = next(fixed_batches(loader, rows, batch_size=6))
    views = batch.on(CPU.device)
    assert views["waveform"].shape == (6, FRAMES * 256)
    assert views["mel"].shape == (6, FRAMES, 16)
    click = views["waveform"].abs().argmax(dim=1)
    frame = views["mel"].mean(dim=2).argmax(dim=1)
    expected = [40 + number - start for number, start in zip(range(6), rows["start"], strict=True)]
    assert (click // 256).tolist() == frame.tolist() == expected
    assert batch.target.tolist() == [0, 1] * 3


@pytest.mark.parametrize("augmented", [(), (1, 4), range(6)], ids=["none", "some", "all"])
def test_clips_are_the_rows_of_the_cache_normalised(tmp_path: Path, loader: ClipLoader, augmented: list[int]) -> None:
    z_scores = {"waveform": Normalisation([0.01], [0.3], []), "mel": Normalisation([-40.0] * 16, [15.0] * 16, [])}
    waves = Cache(tmp_path / "waves", "waves", columns=["scale"], stage="decode")
    mels = Cache(tmp_path / "mels", "mels", columns=["ref_db"], stage="mel")
    ids, starts = [3, 0, 3, 5, 1, 2], [7, 0, 31, 2, 40, 9]
    noise = Noise(amplitude=0.01, places=(0.3, 0.8))
    model = mel_noise(MEL, sr=SR)
    noisy = ClipTransform(frames=FRAMES, operations=(noise,), noise=model)
    still = ClipTransform(frames=FRAMES, operations=(), noise=model)
    transforms = [noisy if n in augmented else None for n in range(6)]
    scaled = ClipLoader.open(z_scores, clip_samples=FRAMES * 256, mel=MEL)
    batch = scaled.load(ids, target=np.zeros(6, dtype=np.int64), starts=starts, transforms=transforms)
    stored = {"waveform": torch.int16, "mel": torch.float16}
    assert {name: view.values.dtype for name, view in batch.views.items()} == (
        dict.fromkeys(stored, torch.float32) if augmented else stored
    )
    views = batch.on(CPU.device)
    for n, (track, start, transform) in enumerate(zip(ids, starts, transforms, strict=True)):
        made = transform or still
        y = waves[track].values[start * 256 : (start + FRAMES) * 256] * np.float32(waves[track].columns["scale"])
        expected = (made.waveform(y).astype(np.float64) - 0.01) / 0.3
        np.testing.assert_allclose(views["waveform"][n], expected, rtol=1e-6, atol=1e-7)
        S_db = mels[track].values[start : start + FRAMES].astype(np.float32)
        expected = (made.mel(S_db, ref_db=mels[track].columns["ref_db"]).astype(np.float64) + 40) / 15
        np.testing.assert_allclose(views["mel"][n], expected, rtol=1e-6, atol=1e-6)
    assert torch.equal(views["mel"], batch.on(CPU.device)["mel"])  # normalising leaves the batch as it was


def test_stretched_views_stay_together(loader: ClipLoader) -> None:
    stretch = [TimeStretch(name="time_stretch", p=1.0, min_rate=0.8, max_rate=1.25)]
    for epoch in range(4):
        for batch in random_batches(loader, augment=stretch).epoch(epoch):
            views = batch.on(CPU.device)
            for y, S_db in zip(views["waveform"], views["mel"], strict=True):
                if y.abs().max() > 0.1:  # the click is in the window
                    apart = abs(int(y.abs().argmax()) - 256 * int(S_db.mean(dim=1).argmax()))
                    assert apart <= SEARCH_RADIUS + HOP // 4 + 256 // 2  # of the stretch's timing, and half a frame


def test_an_epoch_gives_every_track_once_in_batches_alike(loader: ClipLoader) -> None:
    for batch_size in (2, 4, 5):
        batches = list(random_batches(loader, batch_size=batch_size, seed=3).epoch(1))
        assert sorted(track for batch in batches for track in batch.track_ids) == list(range(6))
        sizes = [len(batch.target) for batch in batches]
        assert max(sizes) <= batch_size
        assert max(sizes) - min(sizes) <= 1


def test_an_epoch_of_rounds_gives_every_track_once_a_round_and_no_batch_a_track_twice(loader: ClipLoader) -> None:
    for batch_size in (2, 4, 5, 6, 32):
        batches = random_batches(loader, rounds=3, batch_size=batch_size)
        drawn = list(batches.draw(1))
        assert len(drawn) == len(batches) == 3 * -(-6 // batch_size)
        assert [sum(len(clips.rows) for clips in drawn[:n]) for n in range(len(drawn) + 1)] == [
            batches.n_clips(n) for n in range(len(drawn) + 1)
        ]
        assert min(len(clips.rows) for clips in drawn) == batches.smallest
        rows = np.concatenate([clips.rows for clips in drawn])
        assert all(sorted(rows[k : k + 6]) == list(range(6)) for k in (0, 6, 12))
        assert all(len(set(clips.rows.tolist())) == len(clips.rows) for clips in drawn)
        starts = {row: [] for row in range(6)}
        for batch in drawn:
            for row, start in zip(batch.rows.tolist(), batch.starts, strict=True):
                starts[row].append(start)
        assert sum(len(set(own)) > 1 for own in starts.values()) >= 5  # another patch in another round


def test_one_round_draws_what_an_epoch_drew_before_there_were_rounds(loader: ClipLoader) -> None:
    batches, lengths = random_batches(loader, seed=7), tracks(loader)["n_frames"].to_numpy()
    rng = np.random.default_rng([7, 5])
    for drawn, rows in zip(batches.draw(5), np.array_split(rng.permutation(6), 2), strict=True):
        transforms = [
            sample(AUGMENT, rng, frames=FRAMES, available=lengths[row], noise=mel_noise(MEL, sr=SR)) for row in rows
        ]
        assert drawn.rows.tolist() == rows.tolist()
        assert (
            drawn.starts == rng.integers(lengths[rows] - [made.frames for made in transforms], endpoint=True).tolist()
        )


def test_batches_follow_from_seed_and_epoch(loader: ClipLoader) -> None:
    def mels(seed: int, epoch: int) -> torch.Tensor:
        batches = random_batches(loader, seed=seed).epoch(epoch)
        return torch.cat([batch.on(CPU.device)["mel"] for batch in batches])

    assert torch.equal(mels(0, 1), mels(0, 1))
    assert not torch.equal(mels(0, 1), mels(0, 2))
    assert not torch.equal(mels(0, 1), mels(1, 1))


def test_a_band_without_spread_stays_silent_under_noise(loader: ClipLoader) -> None:
    flat = {"mel": Normalisation([-40.0] * 16, [2.0] * 15 + [1.0], [15])}
    loud = [GaussianNoise(name="gaussian_noise", p=1.0, min_amplitude=0.1, max_amplitude=0.1)]
    loader = ClipLoader.open(flat, clip_samples=FRAMES * 256, mel=MEL)
    views = next(random_batches(loader, augment=loud).epoch(0)).on(CPU.device)
    assert set(views) == {"mel"}
    assert torch.equal(views["mel"][..., 15], torch.zeros(views["mel"].shape[:2]))
    assert views["mel"][..., :15].std() > 0


def test_a_genre_that_cleaning_emptied_is_refused(loader: ClipLoader) -> None:
    split = pd.DataFrame({"track_id": [0, 99], "genre": ["Folk", "Rock"], "set": "val"})
    with pytest.raises(
        DataError, match="set val: expected tracks of every genre in the cache, found none of Rock: 1 rejected"
    ):
        loader.tracks(split, labels=single(["Folk", "Rock"]))


def test_a_resumed_epoch_reads_none_of_the_batches_that_are_done(
    loader: ClipLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def epoch(skip: int) -> list[tuple[list[int], torch.Tensor]]:
        batches = random_batches(loader, rounds=2, batch_size=2).epoch(1, skip=skip)
        return [(batch.track_ids, batch.on(CPU.device)["mel"]) for batch in batches]

    whole = epoch(0)
    read = []
    load = ClipLoader.load
    monkeypatch.setattr(ClipLoader, "load", lambda *given, **more: (read.append(given[1]), load(*given, **more))[1])
    rest = epoch(4)  # in the second round
    assert len(rest) == len(read) == len(whole) - 4 == 2
    assert rest[0][0] == whole[4][0]
    assert torch.equal(rest[0][1], whole[4][1])


def test_processes_share_the_very_batches_of_an_epoch_of_rounds(loader: ClipLoader) -> None:
    def clips(share: Share) -> list[list[torch.Tensor]]:
        batches = random_batches(loader, rounds=3, batch_size=4, share=share).epoch(1)
        return [list(batch.on(CPU.device)["mel"]) for batch in batches]

    whole, first, second = clips(ALL), clips(Share(0, 2)), clips(Share(1, 2))
    for batch, one, other in zip(whole, first, second, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, [*one, *other], strict=True))


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ({}, "float32"),
        ({"avx512_f": True}, "float32"),
        ({"avx512_bf16": True}, "bfloat16"),
        ({"amx_bf16": True}, "bfloat16"),
    ],
)
def test_precision_is_the_machine_s_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], precision: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert prepare("auto", threads=1, seed=0).precision == precision
    assert prepare("bfloat16", threads=1, seed=0).precision == "bfloat16"


def test_batches_prepared_ahead_are_the_same_batches(loader: ClipLoader) -> None:
    def mels(batches: Iterator[Batch]) -> list[torch.Tensor]:
        return [batch.on(CPU.device)["mel"] for batch in batches]

    def epoch() -> Iterator[Batch]:
        return random_batches(loader).epoch(1)

    plain, prepared = mels(epoch()), mels(prefetch(epoch()))
    assert len(plain) == len(prepared)
    assert all(torch.equal(one, other) for one, other in zip(plain, prepared, strict=True))


def test_a_loader_of_waveforms_alone_counts_in_frames(loader: ClipLoader) -> None:
    alone = ClipLoader.open({"waveform": Normalisation([0.0], [2.0], [])}, clip_samples=FRAMES * 256, mel=MEL)
    assert tracks(alone)["n_frames"].tolist() == tracks(loader)["n_frames"].tolist()
    starts = tracks(loader).assign(start=range(6))
    one, both = (next(fixed_batches(each, starts, batch_size=6)).on(CPU.device) for each in (alone, loader))
    assert set(one) == {"waveform"}
    assert torch.equal(one["waveform"] * 2, both["waveform"])
