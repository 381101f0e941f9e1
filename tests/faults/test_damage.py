"""Damaged, cut, missing, swapped and foreign files: found and reported with a remedy, or harmless; never silent."""

import random
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fmagc.cache.ledger import read_ledger
from fmagc.cache.manifest import read_manifest
from fmagc.cache.normalisation import read_normalisation
from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_index, read_split
from fmagc.errors import DataError
from fmagc.paths import LEDGER, MELS, SPLITS, STAGING, STATS, TRACKS, WAVES
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.tables import write_csv
from tests.support.damage import flipped, put
from tests.support.project import Project
from tests.support.small_project import OUT_OF, SHARDS, Small, without_bars
from tests.support.stage_run import run_here

MANIFEST = "manifest.json"
MADE_BY = {"waves": "decode", "mels": "mel"}


def read_cache(folder: Path) -> dict[int, tuple[bytes, dict[str, Any]]]:
    """Read all that a cache gives its readers."""
    cache = Cache(folder, folder.name, stage=MADE_BY[folder.name])
    return {track_id: (cache[track_id].values.tobytes(), cache[track_id].columns) for track_id in cache.track_ids}


READERS: dict[str, tuple[Path, Callable[[], Any]]] = {
    **{f"waves/{name}": (WAVES / name, lambda: read_cache(WAVES)) for name in (*SHARDS, MANIFEST)},
    **{f"mels/{name}": (MELS / name, lambda: read_cache(MELS)) for name in (*SHARDS, MANIFEST)},
    "ledger": (WAVES / LEDGER, lambda: read_ledger(WAVES, requested=read_index()["track_id"].tolist()).to_csv()),
    "manifest, by mel": (WAVES / MANIFEST, lambda: replace(read_manifest(WAVES, stage="decode"), folder=Path())),
    "stats": (STATS / "official.json", lambda: read_normalisation("official")),
}


@pytest.mark.parametrize("name", READERS)
def test_no_flipped_bit_is_silent(made: Small, name: str) -> None:
    path, read = READERS[name]
    sound, expected = path.read_bytes(), read()
    rng = random.Random(name)
    messages = []
    for _ in range(40):
        put(path, flipped(sound, rng))
        try:
            assert read() == expected
        except DataError as error:
            messages.append(str(error))
    assert len(messages) >= 30  # a space of JSON that becomes a tab is harmless
    assert all(str(path) in line and "run `dvc " in line for line in messages)


@pytest.mark.parametrize(("stage", "path"), [("decode", TRACKS), ("stats", SPLITS / "official.csv")])
def test_a_stage_ends_at_any_flipped_bit_of_its_table(
    made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], stage: str, path: Path
) -> None:
    monkeypatch.setattr("sys.argv", [f"stages.{stage}", "official"])
    sound, before = path.read_bytes(), made.published("decode")
    rng = random.Random(stage)
    for _ in range(30):
        put(path, flipped(sound, rng))
        assert run_here(stage) == 1
        (line,) = without_bars(capfd.readouterr().err)
        assert line.startswith(f"error: {path}: expected digest")
    assert made.published("decode") == before


def test_a_track_that_the_ledger_does_not_know_is_a_fault(
    made: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    split = read_split("official")
    write_csv(SPLITS / "official.csv", split.assign(track_id=split["track_id"].replace(3, 300)))
    monkeypatch.setattr("sys.argv", ["stages.stats", "official"])
    assert run_here("stats") == 1
    (line,) = without_bars(capfd.readouterr().err)
    expected = "expected tracks of data/waves/ledger.csv, found 1 that it does not know (300)"
    assert line == f"error: data/index/splits/official.csv: {expected}: run `dvc repro -f index` and `dvc repro`"


@pytest.mark.parametrize("stage", OUT_OF)
def test_no_flipped_bit_of_a_kept_piece_is_taken_over(made: Small, sound: Small, stage: str) -> None:
    rng = random.Random(stage)
    for path in sorted((STAGING / stage).iterdir()):
        content = path.read_bytes()
        put(path, flipped(content, rng))
    assert run_here(stage) == 0
    assert made.published(stage) == sound.published(stage)


def test_two_pieces_that_change_places_are_not_taken_over(made: Small) -> None:
    first, second = sorted((STAGING / "decode").glob("*.h5"))[:2]
    for end in ("", ".json"):
        one, other = Path(f"{first}{end}"), Path(f"{second}{end}")
        contents = one.read_bytes(), other.read_bytes()
        put(one, contents[1])
        put(other, contents[0])
    with ArtifactStore("decode") as store:
        for path in (first, second):
            key, name = path.name.split(".", 1)
            assert store.find(name, key) is None


def lose(folder: Path) -> None:
    (folder / SHARDS[1]).unlink()


def cut(folder: Path) -> None:
    put(folder / SHARDS[1], (folder / SHARDS[1]).read_bytes()[:-4096])


def empty(folder: Path) -> None:
    put(folder / SHARDS[1], b"")


def swap(folder: Path) -> None:
    contents = [(folder / name).read_bytes() for name in SHARDS[1:3]]
    for name, content in zip(SHARDS[1:3], reversed(contents), strict=True):
        put(folder / name, content)


def lose_manifest(folder: Path) -> None:
    (folder / MANIFEST).unlink()


@pytest.mark.parametrize("damage", [lose, cut, empty, swap, lose_manifest])
@pytest.mark.parametrize(("folder", "readers"), [(WAVES, ["mel", "stats"]), (MELS, ["stats"])])
def test_a_broken_cache_ends_every_stage_that_reads_it_with_one_line(
    made: Small,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    folder: Path,
    readers: list[str],
    damage: Callable[[Path], None],
) -> None:
    damage(folder)
    shutil.rmtree(made.store("mel"))  # or mel would find its pieces by the digests of the manifest, and read no shard
    monkeypatch.setattr("sys.argv", ["stages.stats", "official"])
    before = made.published("mel")
    for stage in readers:
        assert run_here(stage) == 1
        (line,) = without_bars(capfd.readouterr().err)
        assert line.startswith(f"error: {folder}/")
        assert "run `dvc " in line
        assert made.published("mel") == before


def test_a_file_that_the_manifest_does_not_name_does_not_exist(made: Small) -> None:
    before = read_cache(WAVES)
    put(WAVES / "004.h5", (WAVES / SHARDS[0]).read_bytes())
    assert read_cache(WAVES) == before
    assert run_here("decode") == 0
    assert not (WAVES / "004.h5").exists()


def test_shards_of_other_settings_are_neither_reused_nor_read(made: Small, capfd: pytest.CaptureFixture[str]) -> None:
    of_32_bands = made.published("mel")
    made.change("mel", n_mels=24)
    assert run_here("mel") == 0
    assert "4 shards made" in capfd.readouterr().out
    assert not set(made.published("mel").values()) & set(of_32_bands.values())
    put(MELS / SHARDS[0], of_32_bands[SHARDS[0]])
    with pytest.raises(DataError, match=r"data/mels/000.h5: expected digest .*dvc checkout"):
        read_cache(MELS)


def test_caches_of_different_tracks_are_not_measured_together(
    made: Small, sound: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    made.change("clip", samples=42_000)  # the first track is too short now
    assert run_here("decode") == 0
    assert run_here("mel") == 0
    for name, content in sound.published("decode").items():
        put(WAVES / name, content)
    capfd.readouterr()
    monkeypatch.setattr("sys.argv", ["stages.stats", "official"])
    assert run_here("stats") == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line == "error: data/mels: expected the tracks of data/waves, found none of track 1: run `dvc repro`"


def test_a_damaged_object_of_dvcs_cache_is_found_and_mended_as_the_message_says(pipeline: Project) -> None:
    shard = min((pipeline.root / "data/waves").glob("*.h5"))
    sound = shard.read_bytes()
    mode = shard.stat().st_mode
    shard.chmod(0o644)
    content = np.frombuffer(sound, dtype=np.uint8).copy()
    content[len(content) // 2] ^= 1
    shard.write_bytes(content.tobytes())  # in place: the staged artifact and the object of the cache are the same file
    shard.chmod(mode)
    said = pipeline.stage("stages.stats", "official", expect=1)
    assert f"data/waves/{shard.name}: expected digest" in said
    pipeline.dvc("checkout", "--force")
    assert f"data/waves/{shard.name}: expected digest" in pipeline.stage("stages.stats", "official", expect=1)
    cache = pipeline.dvc("cache", "dir").strip()
    remedy = ["find", "-L", cache, "-samefile", f"data/waves/{shard.name}", "-delete"]
    assert " ".join(remedy[3:]) in said
    subprocess.run(remedy, cwd=pipeline.root, check=True)
    pipeline.dvc("repro", "-f", "--single-item", "decode")
    assert shard.read_bytes() == sound
    assert "up to date" in pipeline.dvc("status")
    pipeline.stage("stages.stats", "official")
