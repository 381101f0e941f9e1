"""The cache of embeddings: what its vectors are, what is made again, and what becomes of tracks without a vector."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soxr

from fmagc.cache.ledger import read_ledger, read_rejected
from fmagc.cache.manifest import Manifest
from fmagc.cache.reader import Cache
from fmagc.embeddings import build
from fmagc.embeddings.build import make_embeddings
from fmagc.errors import DataError, SettingsError
from fmagc.params.encoders import Encoder
from fmagc.paths import verified_record
from fmagc.runtime.artifact_store import ArtifactStore
from tests.support.caches import Array
from tests.support.encoders import N_VALUES, expected, save_onnx, save_torchscript, settings
from tests.support.wave_cache import MEL, SCALE, publish_mels, publish_waves

RATE = 44100
WINDOW = 8820  # 0.2 s
SILENT, SHORT = 12, 31


@pytest.fixture(scope="module")
def tracks() -> dict[int, Array]:
    """Six tracks of other lengths, one of them silent and one shorter than a window."""
    rng = np.random.default_rng(0)
    lengths = {2: 40_000, 3: 35_280, 11: 52_001, SILENT: 33_000, 30: 47_000, SHORT: 5_000}
    found = {id: rng.normal(0, 4000, n).clip(-32768, 32767).astype(np.int16) for id, n in lengths.items()}
    found[SILENT][:] = 0
    return found


@pytest.fixture(scope="module")
def source(tracks: dict[int, Array], tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Manifest]:
    data = tmp_path_factory.mktemp("data")
    waves = publish_waves(data, tracks, tracks_per_shard=2)
    return waves, publish_mels(data, waves)


Make = Callable[..., dict[str, Any]]


@pytest.fixture
def make(source: tuple[Manifest, Manifest], tmp_path: Path) -> Make:
    def made(own: Encoder, *, waves: Manifest = source[0], limit: float = 0.5) -> dict[str, Any]:
        with ArtifactStore("mine", root=tmp_path / "store") as store:
            return make_embeddings(
                "mine",
                own,
                waves=waves,
                mels=source[1],
                store=store,
                out=tmp_path / "data/embeddings/mine",
                threads=1,
                max_reject_fraction=limit,
            )

    return made


def vectors(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "data/embeddings/mine", "embeddings", stage="embed@mine")


def by_hand(y: Array, *, size: int) -> Array:
    """Cut windows as the docs say: as few as cover the track, evenly spaced, zeros behind a short one."""
    y = np.pad(y, (0, max(0, size - len(y))))
    starts = np.round(np.linspace(0, len(y) - size, -(-len(y) // size))).astype(int)
    return expected(np.stack([y[start : start + size] for start in starts])).mean(axis=0)


def test_a_vector_is_the_mean_over_the_windows_of_a_track(tmp_path: Path, make: Make, tracks: dict[int, Array]) -> None:
    done = make(settings(save_torchscript(tmp_path / "my encoder.pt")))
    assert (done["shards_made"], done["accepted"], done["rejected"]) == (3, 6, 0)
    cache = vectors(tmp_path)
    assert cache.track_ids == sorted(tracks)
    for track_id, samples in tracks.items():
        assert cache[track_id].values.dtype == np.float32
        assert cache[track_id].values.shape == (N_VALUES,)
        assert cache[track_id].values == pytest.approx(by_hand(samples * SCALE, size=WINDOW), rel=1e-4), track_id
    ledger = read_ledger_of(tmp_path, tracks)
    assert set(ledger["status"]) == {"accepted"}
    assert ledger["path"].tolist() == [f"{id}.mp3" for id in sorted(tracks)]


def read_ledger_of(tmp_path: Path, tracks: dict[int, Array]) -> pd.DataFrame:
    return read_ledger(tmp_path / "data/embeddings/mine", requested=list(tracks))


def test_an_encoder_of_another_rate_gets_the_track_resampled(
    tmp_path: Path, make: Make, tracks: dict[int, Array]
) -> None:
    pytest.importorskip("onnxruntime")
    path = save_onnx(tmp_path / "e.onnx", shape=["B", 3200])
    make(settings(path, sample_rate=16_000))
    y = soxr.resample((tracks[11] * SCALE).astype(np.float32), RATE, 16_000, quality="HQ")
    assert vectors(tmp_path)[11].values == pytest.approx(by_hand(y, size=3200), rel=1e-4)
    with pytest.raises(SettingsError, match=r"windows \(4410,\)(?s:.*)Expected: 3200"):
        make(settings(path, sample_rate=22_050))


def test_an_encoder_may_read_the_cached_spectrogram(
    tmp_path: Path, make: Make, tracks: dict[int, Array], source: tuple[Manifest, Manifest]
) -> None:
    pytest.importorskip("torch")
    path = save_torchscript(tmp_path / "e.pt", lambda S, _: S.mean(1), is_mel=True)
    make(settings(path, input="mel", seconds=20 * 512 / RATE))
    S_db = Cache(source[1].folder, "mels", stage="mel")[3].values.astype(np.float64)
    assert len(S_db) == 68
    starts = [0, 16, 32, 48]
    mean = np.mean([S_db[start : start + 20].mean(axis=0) for start in starts], axis=0)
    assert vectors(tmp_path)[3].values == pytest.approx(mean, abs=1e-3)
    short = Cache(source[1].folder, "mels", stage="mel")[SHORT].values.astype(np.float64)
    padded = np.concatenate([short, np.full((20 - len(short), 32), -MEL.top_db)])
    assert vectors(tmp_path)[SHORT].values == pytest.approx(padded.mean(axis=0), abs=1e-3)


def test_tracks_without_a_vector_are_ledger_rows(tmp_path: Path, make: Make, tracks: dict[int, Array]) -> None:
    torch = pytest.importorskip("torch")
    by_level = save_torchscript(tmp_path / "e.pt", lambda y, v: v / y.abs().amax(dim=-1, keepdim=True))
    done = make(settings(by_level))
    assert (done["accepted"], done["rejected"]) == (5, 1)
    ledger = read_ledger_of(tmp_path, tracks).set_index("track_id")
    assert ledger.at[SILENT, "reason"] == "non_finite"
    assert ledger.at[SILENT, "detail"] == "the encoder gives values that are not finite, in 4 of 4 windows"
    assert read_rejected(tmp_path / "data/embeddings/mine", stage="embed@mine") == [SILENT]
    cache = vectors(tmp_path)
    assert cache.track_ids == sorted(set(tracks) - {SILENT})
    for track_id in cache.track_ids:  # the row of a rejected track was filled by another one
        row = ledger.loc[track_id]
        assert cache[track_id].path.name == row["shard"]
    with pytest.raises(DataError, match=r"at least 90% of 6 tracks .*, found none for 1, (?s:.*)track 12: non_finite"):
        make(settings(by_level), limit=0.1)
    assert torch.isfinite(torch.from_numpy(np.array(cache[2].values))).all()


def test_an_encoder_that_fails_on_a_track_tells_its_reason_and_is_tried_again(
    tmp_path: Path, make: Make, tracks: dict[int, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings(save_torchscript(tmp_path / "e.pt"))
    load = build.load_encoder

    def load_failing(content: bytes, *, path: str, threads: int) -> Any:
        execute = load(content, path=path, threads=threads)

        def failing(windows: Array) -> Array:
            if not windows.any():
                raise RuntimeError("no room\nfor silence")
            return execute(windows)

        return failing

    monkeypatch.setattr(build, "load_encoder", load_failing)
    assert make(own)["rejected"] == 1
    row = read_ledger_of(tmp_path, tracks).set_index("track_id").loc[SILENT]
    assert (row["reason"], row["detail"]) == ("encoder_failed", "RuntimeError: no room for silence")
    monkeypatch.setattr(build, "load_encoder", load)
    again = make(own)
    assert (again["shards_made"], again["shards_reused"], again["rejected"]) == (1, 2, 0)


def test_what_is_finished_is_found_without_loading_the_encoder(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = settings(save_torchscript(tmp_path / "e.pt"))
    make(own)
    before = (tmp_path / "data/embeddings/mine/manifest.json").read_bytes()
    moved = own.model_copy(update={"path": shutil.copy(own.path, tmp_path / "moved.pt"), "C": [3.0]})
    with monkeypatch.context() as patch:
        patch.setattr(build, "load_encoder", lambda *_, **__: pytest.fail("it is loaded"))
        assert make(moved)["shards_reused"] == 3
    assert (tmp_path / "data/embeddings/mine/manifest.json").read_bytes() == before
    assert make(own.model_copy(update={"seconds": 0.3}))["shards_made"] == 3
    other = settings(save_torchscript(tmp_path / "o.pt", lambda y, v: 2 * v))
    assert make(other)["shards_made"] == 3


def test_one_more_track_makes_one_shard_again(tmp_path: Path, make: Make, tracks: dict[int, Array]) -> None:
    own = settings(save_torchscript(tmp_path / "e.pt"))
    first = publish_waves(tmp_path / "first", dict(list(tracks.items())[:5]), tracks_per_shard=2)
    make(own, waves=first)
    done = make(own)
    assert (done["shards_made"], done["shards_reused"], done["accepted"]) == (1, 2, 6)


@pytest.mark.parametrize("step", ["_keep", "write_ledger", "write_manifest"])
def test_a_run_that_was_stopped_goes_on_and_gives_the_same_bytes(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    own = settings(save_torchscript(tmp_path / "e.pt"))
    out = tmp_path / "data/embeddings/mine"
    make(own)
    undisturbed = {path.name: path.read_bytes() for path in out.iterdir()}
    shutil.rmtree(tmp_path / "data")
    shutil.rmtree(tmp_path / "store")
    call, calls = getattr(build, step), []

    def late(*positional: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2 or step != "_keep":
            raise KeyboardInterrupt
        return call(*positional, **named)

    with monkeypatch.context() as patch:
        patch.setattr(build, step, late)
        with pytest.raises(KeyboardInterrupt):
            make(own)
    done = make(own)
    assert done["shards_reused"] == (1 if step == "_keep" else 3)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == undisturbed


def test_damage_is_named_with_its_stage(
    tmp_path: Path, make: Make, tracks: dict[int, Array], source: tuple[Manifest, Manifest]
) -> None:
    own = settings(save_torchscript(tmp_path / "e.pt"))
    make(own)
    shard = tmp_path / "data/embeddings/mine/001.h5"
    damaged = bytearray(shard.read_bytes())
    damaged[5000] ^= 1
    shard.unlink()
    shard.write_bytes(damaged)
    with pytest.raises(DataError, match=r"001\.h5: .*other bytes in row 0(?s:.*)embed@mine"):
        vectors(tmp_path)
    assert make(own)["shards_reused"] == 3  # the store has its own name for the sound file
    vectors(tmp_path)
    assert verified_record(shard.parent).parent == tmp_path / "data/.staging/verified/embeddings"
    waves = publish_waves(tmp_path / "own", tracks, tracks_per_shard=2)
    path = waves.folder / "002.h5"
    data = bytearray(path.read_bytes())
    data[4096 + 1000] ^= 1
    path.unlink()
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"002\.h5: (?s:.*)decode"):
        make(own.model_copy(update={"batch_size": 3}), waves=waves)
