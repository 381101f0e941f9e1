"""The benchmarks fit the code that they measure: each of them can at least be loaded, settings and all."""

from importlib import import_module

import pytest

from tests.support.dag import ROOT

NAMES = sorted(path.stem for path in ROOT.glob("tests/bench/*.py") if not path.stem.startswith("test_"))


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_loads(name: str) -> None:
    assert import_module(f"tests.bench.{name}").__doc__
