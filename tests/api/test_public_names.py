"""The public names: lazy, and documented by examples that run."""

import ast
import contextlib
import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fmagc
from fmagc.evaluation.metrics import METRICS
from tests.support.dag import ROOT
from tests.support.data_folder import GENRES

PAGE = ROOT / "docs/train_your_own.md"


def test_importing_fmagc_imports_nothing_heavy() -> None:
    code = "import sys, fmagc; dir(fmagc); sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'pandas')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_cache_and_signals_import_no_torch(folder: Path) -> None:
    code = "import sys, fmagc; fmagc.open_cache(), fmagc.decode, fmagc.log_mel; sys.exit('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=folder, env={"PYTHONPATH": str(ROOT)})
    assert run.returncode == 0


def test_names_are_there_and_others_are_not() -> None:
    assert set(fmagc.__all__) <= set(dir(fmagc))
    assert all(getattr(fmagc, name).__doc__ for name in fmagc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = fmagc.nothing


@pytest.mark.parametrize("name", fmagc.__all__)
@pytest.mark.usefixtures("model")
def test_every_public_name_has_examples_and_they_hold(name: str, folder: Path) -> None:
    tests = doctest.DocTestFinder().find(getattr(fmagc, name), name, module=False, globs={})
    assert any(test.examples for test in tests if test.name == name)
    runner = doctest.DocTestRunner()
    with contextlib.chdir(folder):
        for test in tests:
            assert runner.run(test).failed == 0, test.name


def test_the_page_s_network_trains(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S))
    with contextlib.chdir(folder):
        exec(code, {})  # noqa: S102 - our own page
    *epochs, metrics, song = capsys.readouterr().out.splitlines()
    assert [re.sub(r"[01]\.\d\d$", "", line) for line in epochs] == [
        f"epoch {n}: validation accuracy " for n in (1, 2, 3)
    ]
    assert set(ast.literal_eval(metrics)) == set(METRICS)
    assert song in [f"song.mp3: {genre}" for genre in GENRES]
