"""The pages of docs/ become a site: Sphinx, numpydoc and MyST find nothing to warn of, without a network."""

import subprocess
import sys
from pathlib import Path

import pytest

import fmagc
from tests.support.dag import ROOT


@pytest.mark.slow
def test_pages_build_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "site/api.html").read_text(encoding="utf-8")
    assert [name for name in fmagc.__all__ if f'id="fmagc.{name}"' not in api] == []
