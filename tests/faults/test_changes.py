"""A change makes again: one shard for a file, every shard for the decoder, and nothing stale."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmagc.audio.decode import decode
from fmagc.cache.build import waveform_shard
from fmagc.corpus.fma.layout import track_file
from fmagc.demo.catalogue import catalogue
from fmagc.demo.tables import tracks_csv
from fmagc.demo.write import write_tracks
from fmagc.runtime.files import file_sha1
from tests.support.mini_corpus import NAME, mini_tracks
from tests.support.project import Project
from tests.support.small_project import SHARDS, Small, without_bars
from tests.support.stage_run import before_call, run_here

QUANTISATION = Path("fmagc/audio/quantise.py")


@pytest.fixture(scope="module")
def data_home(pipeline: Project, mini_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Point the pipeline at a copy of its corpus in many shards, which each test changes further; all is put back."""
    copy = tmp_path_factory.mktemp("corpus") / "mini"
    shutil.copytree(mini_root, copy)
    pipeline.change_params(lambda params: params["dataset"].update(root=str(copy)))
    pipeline.change_params(lambda params: params["audio"].update(ids_per_shard=10))
    pipeline.dvc("repro", "decode")
    yield copy
    pipeline.restore()
    pipeline.stage("stages.fetch")  # its link to the corpus is no out of DVC's


def shards_of(pipeline: Project) -> dict[str, str]:
    """Return the digests of the shards."""
    manifest = json.loads((pipeline.root / "data/waves/manifest.json").read_text(encoding="utf-8"))
    return {name: shard["digest"] for name, shard in manifest["shards"].items()}


def list_checksums(data_home: Path) -> None:
    files = sorted((data_home / NAME).glob("*/*.mp3"))
    lines = [f"{file_sha1(path)}  {path.relative_to(data_home / NAME)}\n" for path in files]
    (data_home / NAME / "checksums").write_text("".join(lines), encoding="utf-8")


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def assert_fetch_and_decode_make_one_shard(pipeline: Project, before: dict[str, str], track_id: int) -> None:
    pipeline.dvc("repro", "-f", "--single-item", "fetch")
    said = pipeline.dvc("repro", "decode")
    assert "1 shards made" in said
    assert changed(before, shards_of(pipeline)) == {f"{track_id // 10:03d}.h5"}


def test_one_more_mp3_decodes_one_shard(pipeline: Project, data_home: Path) -> None:
    before = shards_of(pipeline)
    known = {track.track_id for track in mini_tracks()}
    more = next(track for track in catalogue() if track.track_id not in known)
    write_tracks(data_home / NAME, [more])
    list_checksums(data_home)
    tracks = sorted([*mini_tracks(), more], key=lambda track: track.track_id)
    (data_home / "fma_metadata/tracks.csv").write_text(tracks_csv(tracks), encoding="utf-8")
    assert_fetch_and_decode_make_one_shard(pipeline, before, more.track_id)


def test_a_changed_mp3_decodes_its_shard_once_fetch_has_looked(pipeline: Project, data_home: Path) -> None:
    before = shards_of(pipeline)
    one, other = [track.track_id for track in mini_tracks() if track.defect.name == "NONE"][:2]
    shutil.copyfile(data_home / NAME / track_file(other), data_home / NAME / track_file(one))
    list_checksums(data_home)
    pipeline.dvc("repro", "decode")
    assert shards_of(pipeline) == before  # DVC does not watch the corpus
    assert_fetch_and_decode_make_one_shard(pipeline, before, one)


def test_a_mended_quantisation_decodes_every_shard(pipeline: Project, data_home: Path) -> None:
    before = shards_of(pipeline)
    path = pipeline.root / QUANTISATION
    source = path.read_text(encoding="utf-8")
    assert source.count("_FULL_SCALE = 32767") == 1
    path.write_text(source.replace("_FULL_SCALE = 32767", "_FULL_SCALE = 32766"), encoding="utf-8")  # as long as before
    said = pipeline.dvc("repro", "decode")
    assert "0 reused" in said
    assert changed(before, shards_of(pipeline)) == before.keys()
    path.write_text(source, encoding="utf-8")
    pipeline.dvc("repro", "decode")
    assert shards_of(pipeline) == before


def test_code_that_changes_during_a_run_publishes_nothing(
    fresh: Small, sound: Small, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    source = Path(decode.__code__.co_filename).resolve()
    decoder = fresh.root / "decode.py"  # stands in for the source, which a test leaves alone
    shutil.copyfile(source, decoder)
    read_bytes = Path.read_bytes
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda path: read_bytes(decoder if path == source else path))

        def edit() -> None:
            decoder.write_text(decoder.read_text(encoding="utf-8") + "# mended\n", encoding="utf-8")

        before_call(patch, [(waveform_shard, "seal")], 2, edit)
        assert run_here("decode") == 1
    (line,) = without_bars(capfd.readouterr().err)
    assert line.startswith("error: data/.staging/decode: the code was changed while it ran (fmagc.audio.decode")
    assert len(fresh.artifacts("decode")) == 1  # the one that was finished before
    assert not (fresh.root / "data/waves").exists()
    assert run_here("decode") == 0
    assert f"{len(SHARDS) - 1} shards made" in capfd.readouterr().out
    assert fresh.published("decode") == sound.published("decode")
