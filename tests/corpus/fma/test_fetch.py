"""The stage fetch on a stand-in of FMA's site: a dataset root is completed, and the pipeline runs from it."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fmagc.corpus.fma.archives import CLIPS, TABLES
from fmagc.errors import SettingsError
from fmagc.params.corpus import Dataset
from fmagc.runtime.files import read_json
from tests.support.fma_site import SMALL, Reply, Site, fma_archives, serving, sha1_of
from tests.support.mini_corpus import NAME, mini_tracks
from tests.support.project import Project, copy_project

pytestmark = pytest.mark.slow

DATA_HOME = Path("data/raw") / SMALL.name
BOTH = [(TABLES.file, ""), (SMALL.file, "")]


@pytest.fixture(scope="module")
def archives(mini_root: Path) -> dict[str, bytes]:
    return fma_archives(mini_root)


@pytest.fixture
def site(archives: dict[str, bytes]) -> Iterator[Site]:
    with serving() as running:
        running.files |= archives
        yield running


@pytest.fixture
def project(tmp_path: Path, site: Site, archives: dict[str, bytes], compiled: None) -> Project:
    """A copy of the project whose table of archives has the stand-ins' checksums, and whose mirror is the site."""
    copy = copy_project(tmp_path / "project", tmp_path)
    table = copy.root / "fmagc/corpus/fma/archives.py"
    text = table.read_text(encoding="utf-8")
    for archive in (TABLES, SMALL):
        text = text.replace(archive.sha1, sha1_of(archives[archive.file]))
    table.write_text(text.replace("n_files=8_000", f"n_files={len(mini_tracks())}"), encoding="utf-8")
    copy.change_params(
        lambda params: params["dataset"].update(name=SMALL.name, root=None, download=True, mirror=f"{site.url}/")
    )
    return copy


def tree(project: Project) -> dict[str, bytes]:
    """Read the files of the dataset root beside the archives."""
    folders = [project.root / DATA_HOME / name for name in (SMALL.name, TABLES.name)]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(project.root / DATA_HOME).as_posix(): path.read_bytes() for path in files}


def expected(mini_root: Path) -> dict[str, bytes]:
    clips = {f"{SMALL.name}/{path.parent.name}/{path.name}": path for path in (mini_root / NAME).rglob("*.mp3")}
    tables = {f"{TABLES.name}/{path.name}": path for path in (mini_root / TABLES.name).glob("*.csv")}
    return {name: path.read_bytes() for name, path in (clips | tables).items()}


def assert_complete(project: Project, mini_root: Path) -> None:
    found = tree(project)
    unlisted = {name for archive in (SMALL, TABLES) for name in (archive.readme, archive.checksums)}
    assert {name: content for name, content in found.items() if name not in unlisted} == expected(mini_root)
    assert unlisted <= found.keys()
    manifest = read_json(project.root / "data/raw.json", stage="fetch")
    assert manifest["missing"] == []
    assert {path: entry["sha1"] for path, entry in manifest["files"].items()} == {
        path: sha1_of(content) for path, content in expected(mini_root).items()
    }
    clips = [entry for path, entry in manifest["files"].items() if path.endswith(".mp3")]
    assert all(entry["sha1"] == entry["listed_sha1"] for entry in clips)
    assert not (project.root / "pickle-was-opened").exists()


def test_the_pipeline_runs_from_a_download(project: Project, site: Site, mini_root: Path) -> None:
    site.will(SMALL.file, Reply(cut=300_000))
    ran = project.stages_run_by("stats@official")
    assert ran == {"fetch", "index", "decode", "mel", "stats@official"}
    assert_complete(project, mini_root)
    ledger = pd.read_csv(project.root / "data/waves/ledger.csv", keep_default_na=False)
    assert ledger["track_id"].tolist() == [track.track_id for track in mini_tracks()]
    assert ledger["status"].value_counts().to_dict() == {"accepted": 25, "rejected": 5}
    assert [name for name, _ in site.asked] == [TABLES.file, SMALL.file, SMALL.file]
    assert project.stages_run_by("stats@official") == set()
    assert not project.network_log.exists()


def test_a_complete_dataset_is_listed_again_and_nothing_else(project: Project, site: Site, mini_root: Path) -> None:
    assert "no longer needed: fma_metadata.zip, fma_small.zip" in project.stage("stages.fetch")
    before = {path: path.stat() for path in (project.root / DATA_HOME).rglob("*")}
    shutil.copyfile(project.root / "data/raw.json", project.root / "before.json")
    for archive in (SMALL, TABLES):
        (project.root / DATA_HOME / archive.file).write_bytes(b"would be refused if it were looked at")
    said = project.stage("stages.fetch")
    assert "32 files" in said
    assert "0 missing, 0 unlike their checksums" in said
    assert "checking" not in said
    assert site.asked == BOTH
    assert (project.root / "data/raw.json").read_bytes() == (project.root / "before.json").read_bytes()
    for path, stat in before.items():
        if path.suffix != ".zip":
            assert (path.stat().st_ino, path.stat().st_mtime_ns) == (stat.st_ino, stat.st_mtime_ns)


def test_archives_at_hand_replace_what_is_missing_or_damaged(
    project: Project, site: Site, archives: dict[str, bytes], mini_root: Path
) -> None:
    data_home = project.root / DATA_HOME
    data_home.mkdir(parents=True)
    for name, content in archives.items():
        (data_home / name).write_bytes(content)
    project.stage("stages.fetch")
    clips = sorted(data_home.rglob("*.mp3"))
    clips[0].unlink()
    clips[1].write_bytes(b"damaged")
    (data_home / TABLES.name / "genres.csv").write_text("edited")
    assert "fma_small: 2 of 30 files are missing or damaged" in project.stage("stages.fetch")
    assert_complete(project, mini_root)
    (data_home / SMALL.name / "checksums").write_text("")
    assert "fma_small: 30 of 30 files" in project.stage("stages.fetch")
    assert_complete(project, mini_root)
    assert site.asked == []


def test_another_archive_at_hand_is_refused_and_kept(project: Project, site: Site) -> None:
    archive = project.root / DATA_HOME / TABLES.file
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"another")
    said = project.stage("stages.fetch", expect=1)
    assert f"{DATA_HOME}/{TABLES.file}: expected FMA's fma_metadata.zip, sha1 " in said
    assert f"found {sha1_of(b'another')}: remove the file, then run again" in said
    assert archive.read_bytes() == b"another"
    assert site.asked == []


def test_without_download_the_message_names_what_to_put_where(project: Project, site: Site) -> None:
    project.change_params(lambda params: params["dataset"].update(download=False))
    said = project.stage("stages.fetch", expect=1)
    for part in (
        f"{DATA_HOME}: expected FMA's layout, found no fma_small, no fma_metadata/tracks.csv",
        "set dataset.download to true",
        "fma_metadata.zip (0.3 GiB, sha1 ",
        "fma_small.zip (7.2 GiB, sha1 ",
        "https://os.unil.cloud.switch.ch/fma/",
    ):
        assert part in said
    project.change_params(lambda params: params["dataset"].update(download=True))
    project.stage("stages.fetch")
    next((project.root / DATA_HOME).rglob("*.mp3")).unlink()
    project.change_params(lambda params: params["dataset"].update(download=False))
    said = project.stage("stages.fetch")
    assert "1 missing, 0 unlike their checksums" in said
    assert "to complete it, set dataset.download to true" in said
    assert site.asked == BOTH


def test_the_dataset_root_may_lie_elsewhere(project: Project, mini_root: Path, tmp_path: Path) -> None:
    project.change_params(lambda params: params["dataset"].update(root=str(tmp_path / "disk")))
    (tmp_path / "disk").mkdir()
    project.stage("stages.fetch")
    assert_complete(project, mini_root)
    assert (tmp_path / "disk" / SMALL.file).is_file()


def started(project: Project) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "stages.fetch"]
    return subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 300  # for what hangs, on a busy machine too
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_part_from_which_the_next_run_goes_on(
    project: Project, site: Site, mini_root: Path, number: signal.Signals, status: int
) -> None:
    site.will(SMALL.file, Reply(cut=300_000, hold_s=200.0))
    part = project.root / DATA_HOME / f"{SMALL.file}.part"
    with started(project) as process:
        wait_for(lambda: part.exists() and part.stat().st_size > 200_000)
        assert "is already at this stage" in project.stage("stages.fetch", expect=1)
        process.send_signal(number)
        assert process.wait() == status
    size = part.stat().st_size
    assert not (project.root / "data/raw.json").exists()
    project.stage("stages.fetch")
    assert site.asked[-1] == (SMALL.file, f"bytes={size}-")
    assert_complete(project, mini_root)


def test_kills_while_unpacking_cost_nothing_that_was_unpacked(
    project: Project, site: Site, archives: dict[str, bytes], mini_root: Path
) -> None:
    dice, data_home = random.Random(0), project.root / DATA_HOME
    clips = lambda: [path for path in data_home.rglob("*.mp3") if not path.name.startswith(".")]  # noqa: E731
    kept: dict[Path, int] = {}
    for least in (1, 15):
        with started(project) as process:
            wait_for(lambda least=least: len(clips()) >= least or process.poll() is not None)
            time.sleep(dice.uniform(0, 0.02))
            os.killpg(process.pid, signal.SIGKILL)
        assert all(path.stat().st_ino == inode for path, inode in kept.items())
        whole = expected(mini_root)
        assert all(path.read_bytes() == whole[path.relative_to(data_home).as_posix()] for path in clips())
        kept = {path: path.stat().st_ino for path in clips()}
    project.stage("stages.fetch")
    assert_complete(project, mini_root)
    assert all(path.stat().st_ino == inode for path, inode in kept.items())
    assert [path for path in data_home.rglob(".*") if path.suffix == ".part"] == []
    assert site.asked == BOTH


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fma_full", "dataset.download: expected false, since fma_full is 879 GiB of whole tracks"),
        ("fma_demo", "dataset.download: expected false, since of all corpora only fma_small, fma_medium, fma_large"),
    ],
)
def test_what_cannot_be_downloaded_is_refused_with_the_reason(name: str, reason: str, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(f"dataset: {{name: {name}, root: null, download: true}}\n")
    with pytest.raises(SettingsError, match=re.escape(reason)):
        Dataset.load("dataset", path=params)


@pytest.mark.parametrize("mirror", ["ftp://example.org/fma", "example.org", ""])
def test_a_mirror_is_an_address_of_the_web(mirror: Any, tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    params.write_text(f"dataset: {{name: fma_small, root: null, mirror: '{mirror}'}}\n")
    with pytest.raises(SettingsError, match=r"dataset\.mirror: expected"):
        Dataset.load("dataset", path=params)


def test_the_table_has_every_set_that_may_be_downloaded() -> None:
    assert all(Dataset(name=name, root=None, download=True).download for name in CLIPS)
    assert [len(archive.sha1) for archive in (TABLES, *CLIPS.values())] == [40] * 4
