"""dvc.yaml against the code: every stage depends on exactly the modules that it imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.dag import ROOT, closure, code_deps, floor, script_of, stages


@pytest.mark.parametrize("name", stages())
def test_code_deps_are_exactly_the_imports(name: str) -> None:
    stage = stages()[name]
    wanted = closure(script_of(stage))
    bare = {path for path in code_deps(stage) if path.endswith("__init__.py")}
    assert code_deps(stage) - bare == wanted - bare, "edit the stage's deps in dvc.yaml"


def test_every_stage_says_what_it_does() -> None:
    assert all(len(stage["desc"]) > 20 for stage in stages().values())


def test_every_script_is_a_stage() -> None:
    scripts = {path for path in (ROOT / "stages").glob("*.py") if path.name != "__init__.py"}
    assert {script_of(stage) for stage in stages().values()} == scripts


def test_costly_stages_keep_their_run_cache() -> None:
    # one uncached out that is neither metric nor plot switches DVC's run cache off for a stage
    for name in ("decode", "mel", "stats", "train", "evaluate", "probe", "baseline"):
        assert all(isinstance(out, str) for out in stages()[name]["outs"]), name


def test_a_file_imports_only_from_lower_floors() -> None:
    for path in (ROOT / "fmagc").rglob("*.py"):
        for imported in closure(path) - {path.relative_to(ROOT).as_posix()}:
            own, other = floor(path.relative_to(ROOT).as_posix()), floor(imported)
            same_room = Path(imported).parts[:2] == path.relative_to(ROOT).parts[:2]
            assert other < own or same_room, f"{path} on floor {own} imports {imported} on floor {other}"


@pytest.mark.parametrize("stage", ["fetch", "index", "decode", "mel", "stats", "explore", "baseline", "compare"])
def test_stages_without_networks_do_not_import_torch(stage: str) -> None:
    code = f"import sys, stages.{stage}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0
