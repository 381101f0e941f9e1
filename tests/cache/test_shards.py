"""Shards, cache and ledger: what is written is what is read, or it is refused."""

from pathlib import Path

import numpy as np
import pytest

from fmagc.cache.ledger import counts, read_ledger, write_ledger
from fmagc.cache.ledger_rows import accepted_row, rejected_row
from fmagc.cache.manifest import write_manifest
from fmagc.cache.reader import Cache
from fmagc.cache.rows import Layout, RowBuffer, create_empty
from fmagc.cache.shards import compaction_order, layout_of, map_rows, read_columns, seal
from fmagc.errors import DataError
from fmagc.paths import LEDGER
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.files import read_record, write_record
from tests.support.caches import stage_shard, write_shard

TRACKS = {2: 50, 5: 30, 1007: 40}


def make_cache(tmp_path: Path) -> Path:
    """Two shards of int16 rows; row values count up from the track's number."""
    out = tmp_path / "waves"
    with ArtifactStore("decode", root=tmp_path / "store") as store:
        artifacts = []
        for name, ids in (("000.h5", [2, 5]), ("001.h5", [1007])):
            rows = {track: np.arange(TRACKS[track], dtype=np.int16) + np.int16(track) for track in ids}
            artifacts.append(stage_shard(store, name, "waves", rows, scale=[track / 8 for track in ids]))
        store.publish(out, artifacts)
        write_manifest(out, artifacts, params={"mel": {"n_mels": 64}}, made_with={})
    return out


def opened(folder: Path) -> Cache:
    return Cache(folder, "waves", columns=["scale"], stage="decode")


def test_rows_come_back_unpadded_with_their_facts(tmp_path: Path) -> None:
    cache = opened(make_cache(tmp_path))
    assert cache.lengths == TRACKS
    for track, length in TRACKS.items():
        np.testing.assert_array_equal(cache[track].values, np.arange(length) + track)
        assert cache[track].columns["scale"] == track / 8


def test_a_shard_follows_from_its_content_and_is_contiguous(tmp_path: Path) -> None:
    rows = list(np.arange(12, dtype=np.float16).reshape(2, 3, 2))
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for path in paths:
        write_shard(path, "mels", rows, {"track_id": np.array([2, 5])})
    assert paths[0].read_bytes() == paths[1].read_bytes()
    mapped = map_rows(paths[0], "mels")
    np.testing.assert_array_equal(mapped[:, :3], rows)
    assert not mapped[:, 3:].any()
    assert mapped.flags["C_CONTIGUOUS"]
    assert not mapped.flags["WRITEABLE"]
    assert read_columns(paths[0], "track_id")["track_id"].tolist() == [2, 5]


@pytest.mark.parametrize("inner", [(), (2,), (96,)])
@pytest.mark.parametrize("longest", [4100, 20_000])
def test_gaps_are_filled_and_short_rows_make_a_narrow_shard(
    tmp_path: Path, inner: tuple[int, ...], longest: int
) -> None:
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, 100, (length, *inner)).astype(np.int16) for length in (3000, 10, longest, 2048, 5)]
    kept = compaction_order([0, 2, 4])
    columns = {"track_id": np.array(kept)}
    plain = write_shard(tmp_path / "plain.h5", "waves", [rows[row] for row in kept], columns)
    wide = Layout.holding(20_000, name="waves", dtype="int16", inner=inner)
    buffer = RowBuffer(wide)
    path = tmp_path / "wide.h5"
    create_empty(path)
    digests = {}
    for place in (4, 1, 2, 0, 3):  # as workers finish
        buffer.values[:] = 77  # what an earlier row left
        buffer.values[: len(rows[place])] = rows[place]
        digests[place] = buffer.write(path, place, length=len(rows[place]))
    made = seal(path, wide, kept=kept, longest=longest, digests=[digests[place] for place in kept], columns=columns)
    assert path.read_bytes() == (tmp_path / "plain.h5").read_bytes()
    assert made == plain
    assert made.found_in(path) == made.digest
    reader = RowBuffer(layout_of(path, "waves"))
    stored = read_columns(path, "digest")["digest"].tolist()
    for place, row in enumerate(kept):
        assert reader.read(path, place) == stored[place].decode()
        np.testing.assert_array_equal(reader.values[: len(rows[row])], rows[row])
        assert not reader.values[len(rows[row]) :].any()


def test_few_rows_move_to_fill_a_gap() -> None:
    assert compaction_order([]) == []
    assert compaction_order([0, 1, 2]) == [0, 1, 2]
    assert compaction_order([1, 2, 3]) == [3, 1, 2]
    assert compaction_order([0, 3, 4, 7, 8]) == [0, 8, 7, 3, 4]


def test_every_flipped_byte_is_found(tmp_path: Path) -> None:
    folder = make_cache(tmp_path)
    path = folder / "000.h5"
    sound = path.read_bytes()
    path.unlink()  # the out is a hard link: damage the published file, not the staged one
    for place in range(0, len(sound), 97):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 1]) + sound[place + 1 :])
        with pytest.raises(DataError, match=r"000.h5: expected digest .*dvc checkout"):
            opened(folder)


@pytest.mark.parametrize("damage", ["missing", "cut", "swapped", "manifest", "schema"])
def test_a_broken_cache_is_refused(tmp_path: Path, damage: str) -> None:
    folder = make_cache(tmp_path)
    first, second, manifest = folder / "000.h5", folder / "001.h5", folder / "manifest.json"
    if damage == "missing":
        first.unlink()
    elif damage == "cut":
        content = first.read_bytes()[:-1]
        first.unlink()
        first.write_bytes(content)
    elif damage == "swapped":
        first.rename(folder / "x")
        second.rename(first)
        (folder / "x").rename(second)
    elif damage == "manifest":
        manifest.unlink()
    else:
        write_record(manifest, read_record(manifest, stage="decode") | {"schema": 1})
    with pytest.raises(DataError, match=r"dvc (checkout|repro)"):
        opened(folder)


def test_a_cache_of_other_settings_is_refused(tmp_path: Path) -> None:
    cache = opened(make_cache(tmp_path))
    cache.require(mel={"n_mels": 64})
    with pytest.raises(DataError, match=r"made with mel.n_mels=64, expected n_mels=128: run `dvc repro`"):
        cache.require(mel={"n_mels": 128})


def test_the_ledger_accounts_for_every_requested_track(tmp_path: Path) -> None:
    rows = [
        rejected_row(5, path="5.mp3", reason="too_short", detail="1 sample,\nneeds 2"),
        accepted_row(2, path="2.mp3", shard="000.h5", row=0, flags=("resampled", "warned"), decoder="any", detail=""),
    ]
    write_ledger(tmp_path, rows, requested=[2, 5])
    write_manifest(tmp_path, [], params={}, made_with={}, files=[LEDGER])
    table = read_ledger(tmp_path, requested=[5, 2])
    assert table["track_id"].tolist() == [2, 5]
    assert table.loc[1, "detail"] == "1 sample, needs 2"
    assert table.loc[0, "flags"] == "resampled warned"
    assert counts(table) == {"requested": 2, "accepted": 1, "rejected": {"too_short": 1}}
    with pytest.raises(DataError, match=r"expected each of 3 requested tracks once.*1 tracks missing \[7\]"):
        read_ledger(tmp_path, requested=[2, 5, 7])


@pytest.mark.parametrize("requested", [[2], [2, 5, 5], [2, 5, 9]])
def test_a_ledger_that_does_not_add_up_is_not_written(tmp_path: Path, requested: list[int]) -> None:
    rows = [rejected_row(track, path=f"{track}.mp3", reason="not_mp3", detail="") for track in (2, 5)]
    with pytest.raises(DataError, match="requested tracks once"):
        write_ledger(tmp_path, rows, requested=requested)
    assert not (tmp_path / "ledger.csv").exists()
