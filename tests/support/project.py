"""A copy of this project in a git and DVC repository of its own, with small settings."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ruamel.yaml import YAML

from tests.support.dag import ROOT
from tests.support.mini_corpus import NAME

COPIED = ("fmagc", "stages", "dvc.yaml", "params.yaml", ".dvcignore", ".gitignore", ".dvc/config", ".dvc/plots")

OFFLINE = ROOT / "tests/support/offline"  # on PYTHONPATH, it takes the network away


@dataclass(frozen=True)
class Project:
    """A project folder and the commands that a user gives in it."""

    root: Path

    @property
    def network_log(self) -> Path:
        """A log of the attempts to reach another machine; absent if there was none."""
        return self.root.with_name(f"{self.root.name}.network")

    def dvc(self, *arguments: str, expect: int = 0) -> str:
        """Run dvc; return what it printed. The wrong exit status is an error that shows it."""
        return self._run([sys.executable, "-m", "dvc", *arguments], expect)

    def stage(self, *arguments: str, expect: int = 0) -> str:
        """Run a stage's script without DVC."""
        return self._run([sys.executable, "-m", *arguments], expect)

    def python(self, code: str) -> str:
        """Run Python code in the project's folder."""
        return self._run([sys.executable, "-c", code], 0)

    def git(self, *arguments: str) -> str:
        """Run git."""
        return self._run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], 0)

    def stages_run_by(self, *arguments: str) -> set[str]:
        """Run `dvc repro` and name the stages that it ran."""
        return set(re.findall(r"Running stage '([^']+)'", self.dvc("repro", *arguments)))

    def change_params(self, change: Callable[[Any], None]) -> None:
        """Edit params.yaml."""
        yaml = YAML()
        path = self.root / "params.yaml"
        document = yaml.load(path)
        change(document)
        yaml.dump(document, path)

    def edit_code(self, path: str) -> None:
        """Append a comment to a file of the package."""
        with (self.root / path).open("a", encoding="utf-8") as file:
            file.write("# edited\n")

    def restore(self) -> None:
        """Go back to the last commit, outs included."""
        self.git("checkout", "--quiet", "--", ".")
        self.dvc("checkout", "--force")

    def environment(self) -> dict[str, str]:
        """Return the environment of every command."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the stages say `python`
        foreign = ("GIT_", "PYTHONDONTWRITEBYTECODE")  # compiled once, not in every process of a run
        environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        environment |= {"PATH": path, "DVC_NO_ANALYTICS": "1"}
        return environment | {"PYTHONPATH": str(OFFLINE), "NETWORK_LOG": str(self.network_log)}

    def start(self, command: list[str], *, output: int | IO[str]) -> "subprocess.Popen[str]":
        """Start a command; what it prints goes to `output`."""
        return subprocess.Popen(
            command, cwd=self.root, env=self.environment(), text=True, stdout=output, stderr=subprocess.STDOUT
        )

    def _run(self, command: list[str], expect: int) -> str:
        with self.start(command, output=subprocess.PIPE) as process:
            printed, _ = process.communicate()
        assert process.returncode == expect, f"{command}: status {process.returncode}, expected {expect}\n{printed}"
        return printed


def copy_project(folder: Path, shelf: Path) -> Project:
    """Copy what the pipeline consists of, with small settings, and point it at the mini corpus."""
    return copy_files(folder, lambda params: _shrink(params, shelf))


def copy_files(folder: Path, change: Callable[[Any], None]) -> Project:
    """Copy what the pipeline consists of, and edit params.yaml."""
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc"))
        else:
            shutil.copyfile(source, target)
    project = Project(folder)
    project.change_params(change)
    (folder / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="utf-8")
    project.git("init", "--quiet")
    project.git("add", "--all")
    project.git("commit", "--quiet", "--message", "project")
    return project


def _shrink(params: Any, shelf: Path) -> None:
    """Make every stage a matter of seconds."""
    params["dataset"].update(name=NAME, root=str(shelf))
    params["run"].update(models=["cnn1d", "crnn"], threads=1)  # a second one would spin, and others work beside it
    params["audio"]["max_reject_fraction"] = 0.3
    params["clip"]["samples"] = 2**16
    params["models"]["crnn"].update(patch_samples=2**15, patches_per_track=2)
    params["train"].update(epochs=1, batch_size=8, lr=0.01)  # by so few steps a smaller rate changes nothing to see
    params["train"]["precision"] = "float32"  # that of `fmagc predict`
    params["evaluate"].update(clips=2, bootstrap=50)
    params["robustness"].update(tracks=3, gain_db=[-6.0], time_stretch_rate=[1.1])
    params["robustness"].update(time_shift_s=[], noise_snr_db=[], pitch_shift_semitones=[], low_pass_hz=[])
