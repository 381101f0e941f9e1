"""The command line itself: what it imports, what it prints of itself, and completion."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

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


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["predict", "{}/My\\ music/Ro"], ["{}/My music/Rock"]),
        (["predict", '"{}/My music/Ro'], ["{}/My music/Rock"]),
        (["predict", "--model", "{}/My\\ music/Ro"], ["{}/My music/Rock"]),
        (["use", "{}/My\\ mu"], ["{}/My music"]),
        (["use", "fma_l"], ["fma_large"]),
    ],
)
def test_bash_completes_names_with_blanks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], found: list[str]
) -> None:
    (tmp_path / "My music/Rock").mkdir(parents=True)
    with pytest.raises(SystemExit, match="0"):
        main(["--print-completion", "bash"])
    typed = " ".join(shlex.quote(word.format(tmp_path)) for word in ["fmagc", *words])
    code = f"COMP_WORDS=({typed}) COMP_CWORD={len(words)}; _shtab_fmagc; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(
        ["bash", "-c", f"{capsys.readouterr().out}\n{code}"], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [name.format(tmp_path) for name in found]
