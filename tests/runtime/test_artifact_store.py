"""Atomic files, and the staging folder: what is reused, what is not, and who may be there."""

from pathlib import Path

import pytest

from fmagc.cache.build import mel_shard, waveform_shard
from fmagc.cache.build.mel_worker import write_mel
from fmagc.cache.build.waveform_worker import write_wave
from fmagc.errors import DataError
from fmagc.runtime import code_snapshot, files, import_closure
from fmagc.runtime.artifact_store import Artifact, ArtifactStore, artifact_key
from fmagc.runtime.code_snapshot import CodeSnapshot
from fmagc.runtime.files import temp_path


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


def test_an_artifact_is_found_again_under_its_key_alone(tmp_path: Path) -> None:
    with store(tmp_path) as stage:
        add(stage, "000.h5", "key1", b"content", {"track_ids": [2, 5]})
    with store(tmp_path) as stage:
        artifact = stage.find("000.h5", "key1")
        assert artifact is not None
        assert (artifact.path.read_bytes(), artifact.record) == (b"content", {"track_ids": [2, 5]})
        assert stage.find("000.h5", "key2") is None


@pytest.mark.parametrize("damage", ["flip", "cut", "metadata", "unfinished"])
def test_a_damaged_artifact_is_not_used(tmp_path: Path, damage: str) -> None:
    with store(tmp_path) as stage:
        artifact = add(stage, "000.h5", "key", b"content", {})
        metadata = artifact.path.with_name(artifact.path.name + ".json")
        if damage == "flip":
            artifact.path.write_bytes(b"contenu")
        elif damage == "cut":
            artifact.path.write_bytes(b"cont")
        elif damage == "metadata":
            metadata.write_bytes(metadata.read_bytes()[:10])
        else:
            metadata.unlink()
        assert stage.find("000.h5", "key") is None


def test_publish_makes_the_out_hold_exactly_the_artifacts(tmp_path: Path) -> None:
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


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path: Path) -> None:
    import os

    with store(tmp_path), pytest.raises(DataError, match=f"process {os.getpid()} is already at this stage"):
        store(tmp_path).__enter__()
    with store(tmp_path):  # free again
        pass


def test_keys_follow_from_content(tmp_path: Path) -> None:
    assert artifact_key({"a": 1, "b": 2}) == artifact_key({"b": 2, "a": 1}) != artifact_key({"a": 1, "b": 3})


def test_shards_are_keyed_by_the_code_that_makes_their_bytes_and_not_by_that_of_their_readers() -> None:
    waves = set(CodeSnapshot(write_wave, waveform_shard.finish_shard).digests())
    mels = set(CodeSnapshot(write_mel, mel_shard.finish_shard).digests())
    both = {"fmagc.cache.rows", "fmagc.cache.shards", "fmagc.runtime.files"}
    assert waves >= both | {"fmagc.audio.decode", "fmagc.audio.mpeg_frames", "fmagc.cache.ledger_rows"}
    assert mels >= both | {"fmagc.audio.log_mel", "fmagc.audio.mel_filterbank", "fmagc.audio.power_bands"}
    readers = {
        "fmagc.cache.reader",
        "fmagc.cache.manifest",
        "fmagc.cache.window_reader",
        "fmagc.runtime.artifact_store",
    }
    assert not (waves | mels) & (readers | {"fmagc.runtime.artifact_store"})


def test_the_code_of_an_artifact_follows_the_imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "fmagc"
    for name, source in {"__init__": "", "decoder": "def decode(): ...\n", "below": "", "reader": ""}.items():
        (package / f"{name}.py").parent.mkdir(exist_ok=True)
        (package / f"{name}.py").write_text(source, encoding="utf-8")
    for module in (import_closure, code_snapshot):
        monkeypatch.setattr(module, "PACKAGE", package)
    monkeypatch.setattr(code_snapshot.inspect, "getfile", lambda maker: str(package / "decoder.py"))
    before = CodeSnapshot(print)
    assert list(before.digests()) == ["fmagc.decoder"]
    (package / "reader.py").write_text("import os\n", encoding="utf-8")
    assert (CodeSnapshot(print).digests(), before.changed()) == (before.digests(), [])
    (package / "decoder.py").write_text("from fmagc import below\ndef decode(): ...\n", encoding="utf-8")
    assert before.changed() == ["fmagc.decoder"]
    imported = CodeSnapshot(print)
    assert list(imported.digests()) == ["fmagc.below", "fmagc.decoder"]
    (package / "below.py").write_text("RATE = 2\n", encoding="utf-8")
    assert imported.changed() == ["fmagc.below"]
    assert CodeSnapshot(print).digests() != imported.digests()
