"""dvc.yaml against the code: every stage depends on the rooms that it imports, and on no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.dag import ROOT, closure, code_deps, floor_table, floors, script_of, stages


@pytest.mark.parametrize("name", stages())
def test_the_imports_of_a_stage_lie_inside_its_deps(name: str) -> None:
    stage = stages()[name]
    assert closure(script_of(stage)) <= code_deps(stage), "edit the stage's deps in dvc.yaml"


@pytest.mark.parametrize("name", stages())
def test_a_stage_names_no_room_that_it_does_not_import(name: str) -> None:
    stage = stages()[name]
    touched = closure(script_of(stage))
    named = [dep for dep in stage["deps"] if dep.startswith(("fmagc", "stages"))]
    assert [dep for dep in named if not any(path == dep or path.startswith(f"{dep}/") for path in touched)] == []


def test_every_stage_says_what_it_does() -> None:
    assert all(len(stage["desc"]) > 20 for stage in stages().values())


def test_every_script_is_a_stage() -> None:
    scripts = {path for path in (ROOT / "stages").glob("*.py") if path.name != "__init__.py"}
    assert {script_of(stage) for stage in stages().values()} == scripts


@pytest.mark.parametrize("script", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_a_stage_script_is_short(script: Path) -> None:
    assert len(script.read_text(encoding="utf-8").splitlines()) < 50, "move its work to the room that it belongs to"


def test_costly_stages_keep_their_run_cache() -> None:
    # one uncached out that is neither metric nor plot switches DVC's run cache off for a stage
    for name in (
        "decode",
        "mel",
        "stats",
        "train",
        "evaluate",
        "robustness",
        "baseline",
        "embed",
        "probe",
        "share",
        "share_baseline",
        "share_probe",
    ):
        assert all(isinstance(out, str) for out in stages()[name]["outs"]), name


def test_rooms_do_not_import_from_one_another_in_a_circle() -> None:
    assert "errors" in floors()[0]


WITHOUT_NETWORKS = (
    "settings",
    "fetch",
    "index",
    "decode",
    "mel",
    "stats",
    "explore",
    "baseline",
    "embed",
    "probe",
    "compare",
    "report",
)


def test_stages_without_networks_and_evaluation_do_not_import_torch() -> None:
    files = sorted((ROOT / "fmagc/evaluation").glob("*.py"))
    modules = [f"stages.{stage}" for stage in WITHOUT_NETWORKS] + [f"fmagc.evaluation.{file.stem}" for file in files]
    code = (
        "import importlib, sys\n"
        "for module in sys.argv[1:]:\n"
        "    importlib.import_module(module)\n"
        "    assert 'torch' not in sys.modules, module\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *modules], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


UNUSED_IN_ONE_PROCESS = ("lightning_fabric", "torch._dynamo", "torch._inductor", "sympy", "matplotlib")


def test_networks_of_one_process_import_no_compiler_and_no_figures() -> None:
    pytest.importorskip("torch")
    shape = {"n_classes": 2, "dropout": 0.1, "clip_samples": 2**17, "hop_length": 1024, "n_mels": 32}
    code = (
        "import sys\n"
        "import fmagc.commands.predict, stages.evaluate, stages.robustness, stages.train\n"
        "from fmagc.devices.device import prepare\n"
        "from fmagc.inference.trace_model import trace_model\n"
        "with prepare('bfloat16', threads=1, seed=0).autocast():\n"
        f"    trace_model({{'name': 'mmcrnn', **{shape}}})\n"
        f"print(*[name for name in {UNUSED_IN_ONE_PROCESS} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_predict_imports_no_tables_either() -> None:
    pytest.importorskip("torch")
    code = "import sys, fmagc.commands.predict; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


AUGMENTATION = {"fmagc/training/augment.py", "fmagc/audio/time_stretch.py"}
LOG_MEL = {"fmagc/audio/log_mel.py", "fmagc/audio/power_bands.py", "fmagc/audio/mel_filterbank.py"}


@pytest.mark.parametrize(("stage", "foreign"), [("evaluate", AUGMENTATION | LOG_MEL), ("robustness", AUGMENTATION)])
def test_what_only_reads_clips_knows_no_augmentation(stage: str, foreign: set[str]) -> None:
    assert closure(ROOT / f"stages/{stage}.py") & foreign == set()


@pytest.mark.parametrize(
    ("room", "foreign"), [("dataset", {"training", "inference", "models"}), ("models", {"training", "dataset"})]
)
def test_loading_and_networks_know_nothing_of_training(room: str, foreign: set[str]) -> None:
    files = [path for file in (ROOT / "fmagc" / room).glob("*.py") for path in closure(file)]
    assert {path for path in files if path.split("/")[1] in foreign} == set()


def test_contributing_has_the_floors_of_the_imports() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = text.split("<!-- floors -->")[1].split("<!-- /floors -->")[0].strip()
    assert written == floor_table(), "put there what `python -m tests.support.dag` prints"
