"""Atomic files, and the staging folder: what is reused, what is not, and who may be there."""

from pathlib import Path

import pytest

from fmagc.cache.build import mels, waveforms
from fmagc.errors import DataError
from fmagc.runtime import files
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key, temp_path
from tests.support.dag import ROOT, closure


def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore("decode", root=tmp_path / "store")


def add(stage: ArtifactStore, name: str, key: str, content: bytes, record: dict[str, object]) -> Artifact:
    temp_path(stage.folder, name).write_bytes(content)
    return stage.commit(name, key, record)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "shard.h5"
    files.write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_bytes(path, b"new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["shard.h5"]
    assert path.read_bytes() == b"old"


def test_json_keeps_its_order_and_refuses_nan(tmp_path: Path) -> None:
    files.write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, "é"]})
    assert files.read_json(tmp_path / "a.json", stage="x") == {"b": 1, "a": [1.5, "é"]}
    assert (tmp_path / "a.json").read_text().index('"b"') < (tmp_path / "a.json").read_text().index('"a"')
    with pytest.raises(ValueError, match="Out of range"):
        files.write_json(tmp_path / "b.json", {"a": float("nan")})
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [(None, "found none")] + [(text, "found a fault") for text in (b'{"a": ', b'{"a": NaN}', b"[" * 100_000)],
)
def test_reading_json_names_the_stage_that_makes_it(tmp_path: Path, content: bytes | None, fault: str) -> None:
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"a.json: .*{fault}.*dvc repro"):
        files.read_json(path, stage="fetch")


def test_a_piece_is_found_again_under_its_key_alone(tmp_path: Path) -> None:
    with store(tmp_path) as stage:
        add(stage, "000.h5", "key1", b"content", {"track_ids": [2, 5]})
    with store(tmp_path) as stage:
        artifact = stage.find("000.h5", "key1")
        assert artifact is not None
        assert (artifact.path.read_bytes(), artifact.record) == (b"content", {"track_ids": [2, 5]})
        assert stage.find("000.h5", "key2") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "note", "unfinished"])
def test_a_damaged_piece_is_not_used(tmp_path: Path, damage: str) -> None:
    with store(tmp_path) as stage:
        artifact = add(stage, "000.h5", "key", b"content", {})
        note = artifact.path.with_name(artifact.path.name + ".json")
        if damage == "flip":
            artifact.path.write_bytes(b"contenu")
        elif damage == "cut":
            artifact.path.write_bytes(b"cont")
        elif damage == "note":
            note.write_bytes(note.read_bytes()[:10])
        else:
            note.unlink()
        assert stage.find("000.h5", "key") is None


def test_publish_makes_the_out_hold_exactly_the_pieces(tmp_path: Path) -> None:
    out = tmp_path / "waves"
    with store(tmp_path) as stage:
        old = add(stage, "000.h5", "old", b"old", {})
        stage.publish(out, [old])
    with store(tmp_path) as stage:
        new = add(stage, "001.h5", "new", b"new", {})
        stage.publish(out, [new])
        assert not old.path.exists()  # what a run does not use does not fill the disk
        assert new.path.stat().st_ino == (out / "001.h5").stat().st_ino  # linked, not copied
    assert [entry.name for entry in out.iterdir()] == ["001.h5"]


def test_a_second_process_is_told_who_is_there(tmp_path: Path) -> None:
    import os

    with store(tmp_path), pytest.raises(DataError, match=f"process {os.getpid()} is already at this stage"):
        store(tmp_path).__enter__()
    with store(tmp_path):  # free again
        pass


def test_keys_follow_from_content(tmp_path: Path) -> None:
    assert artifact_key({"a": 1, "b": 2}) == artifact_key({"b": 2, "a": 1}) != artifact_key({"a": 1, "b": 3})


def test_the_digest_of_code_follows_the_named_modules_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = ArtifactStore("decode", root=tmp_path / "store")
    mel, decode = stage.track_code("fmagc.audio.log_mel"), stage.track_code("fmagc.audio.decode")
    changed = tmp_path / "mel.py"
    changed.write_text("# changed\n", encoding="utf-8")
    monkeypatch.setattr("fmagc.audio.log_mel.__file__", str(changed))
    assert stage.track_code("fmagc.audio.log_mel") != mel
    assert stage.track_code("fmagc.audio.decode") == decode != mel


@pytest.mark.parametrize(
    ("code", "root"), [(waveforms._CODE, "fmagc/audio/decode.py"), (mels._CODE, "fmagc/audio/log_mel.py")]
)
def test_shards_are_keyed_by_all_the_code_that_makes_their_bytes(code: tuple[str, ...], root: str) -> None:
    signal = {path for path in closure(ROOT / root) if "/audio/" in path}
    named = {module.replace(".", "/") + ".py" for module in code}
    assert named >= signal | {"fmagc/runtime/direct_io.py", "fmagc/cache/rows.py", "fmagc/cache/shards.py"}
