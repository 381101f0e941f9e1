"""The benchmarks fit the code that they measure: each of them can at least be loaded, settings and all."""

from importlib import import_module

import pytest

from tests.dag import ROOT


@pytest.mark.parametrize("name", sorted(path.stem for path in ROOT.glob("tests/bench/*.py")))
def test_a_benchmark_loads(name: str) -> None:
    assert import_module(f"tests.bench.{name}").__doc__
