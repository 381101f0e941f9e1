"""The command line itself: what it imports, what it prints of itself, and completion."""

import shutil
import subprocess
import sys

import pytest

import fmagc
from fmagc.cli import main

HEAVY = {"torch", "librosa", "numpy", "pandas", "matplotlib", "sklearn", "numba", "pydantic"}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["use", "--help"], ["predict", "--help"]])
def test_help_imports_no_heavy_package(arguments: list[str]) -> None:
    code = (
        f"import sys; from fmagc.cli import main\ntry: main({arguments})\nfinally: print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout
    assert not HEAVY & set(done.stderr.split())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"fmagc {fmagc.__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["use"], ["plot-page", "one.js"]])
def test_wrong_arguments_have_status_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_of_the_shell(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--print-completion", shell])
    script = capsys.readouterr().out
    for word in ("predict", "use", "refs", "plot-page", "--download", "--branch", "--timeline"):
        assert word in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)
