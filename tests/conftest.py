"""Fixtures that several tests share: the mini corpus, and the whole pipeline run on it once."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.abc import MetaPathFinder
from pathlib import Path

import hypothesis
import pytest

from tests.support.dag import ROOT
from tests.support.mini_corpus import write_mini
from tests.support.once import once
from tests.support.project import Project, copy_project
from tests.support.small_project import Small, write_small

# processes of tests share the cores: a thread that spins for work takes it from another
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

hypothesis.settings.register_profile("fmagc", derandomize=True, deadline=None, max_examples=30, database=None)
hypothesis.settings.load_profile("fmagc")


class NotInstalled(MetaPathFinder):
    """Skip the tests that import torch or Dask where these are not installed, as on the other Pythons of `.ci/run`."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname in ("torch", "lightning_fabric", "distributed"):
            pytest.skip(f"{fullname} is not installed", allow_module_level=True)


sys.meta_path.append(NotInstalled())  # asked last: what is installed has been found by then

FIRST = ("tests/pipeline/test_pipeline.py", "tests/corpus/fma/test_fetch.py")  # the longest


@pytest.hookimpl(tryfirst=True)  # before the marks are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the pipeline and those of faults, and sort the files.

    Those that take long come first, and of these the ones that would wait for the run of the pipeline last.
    """
    for item in items:
        if "pipeline_run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
        if item.path.is_relative_to(ROOT / "tests/faults"):
            item.add_marker(pytest.mark.faults)
        item.add_marker(pytest.mark.xdist_group(item.location[0]))  # a file's tests in one process
    files = {item.location[0]: number for number, item in reversed(list(enumerate(items)))}
    long = {item.location[0] for item in items if item.get_closest_marker("slow") or item.get_closest_marker("faults")}
    waiting = {item.location[0] for item in items if "pipeline_run" in getattr(item, "fixturenames", ())}
    first = {name: place for place, name in enumerate(FIRST)}
    rank = {
        file: (first.get(file, len(FIRST)), file not in long, file in waiting, number) for file, number in files.items()
    }
    items.sort(key=lambda item: rank[item.location[0]])


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_interrupts() -> Iterator[None]:
    """Listen to SIGINT also where the caller has it ignored, as a shell does for what it starts in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Make a folder that is the same in all processes of one run of the tests."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if hasattr(request.config, "workerinput") else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def mini_root(shared_folder: Path) -> Path:
    """Folder that holds fma_mini/ and fma_metadata/; tests that change it copy it first."""
    return once(shared_folder / "corpus", write_mini)


@pytest.fixture(scope="session")
def sound(shared_folder: Path) -> Small:
    """A little project in which decode, mel and stats have run; tests leave it as it is."""
    return Small(
        once(shared_folder / "sound", lambda folder: write_small(folder).made("decode", "mel", "stats official"))
    )


@pytest.fixture(scope="session")
def compiled(shared_folder: Path) -> None:
    """Compile in the checkout what the stage mel calls, once: copies of the package bring it along."""
    import numpy as np

    from fmagc.audio.log_mel import LogMel
    from fmagc.params.signal import Mel

    mel = Mel.load("mel", path=ROOT / "params.yaml")
    once(shared_folder / "compiled", lambda _: LogMel(44_100, mel)(np.zeros(2 * mel.n_fft, np.float32)))


@pytest.fixture(scope="session")
def pipeline_run(shared_folder: Path, mini_root: Path, compiled: None) -> Project:
    """A copy of the project, rebuilt from the mini corpus in a repository of its own; no test changes it."""

    def run(folder: Path) -> None:
        project = copy_project(folder, mini_root)
        project.dvc("repro")
        project.git("add", "--all")
        project.git("commit", "--quiet", "--message", "mini corpus")

    return Project(once(shared_folder / "pipeline", run))


@pytest.fixture(scope="session")
def pipeline(pipeline_run: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """This process's copy of that run; tests leave it as it was."""
    own = Project(tmp_path_factory.mktemp("pipeline") / "project")
    subprocess.run(["cp", "-a", pipeline_run.root, own.root], check=True)  # keeps the hard links of DVC's cache
    return own
