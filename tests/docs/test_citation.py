"""CITATION.cff: what a reference manager reads agrees with the package."""

from ruamel.yaml import YAML

import fmagc
from tests.support.dag import ROOT


def test_the_citation_is_that_of_this_version() -> None:
    cited = YAML(typ="safe", pure=True).load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert cited["cff-version"] == "1.2.0"
    assert cited["version"] == fmagc.__version__
    assert {"message", "title", "authors", "type"} <= set(cited)
    assert all({"type", "title", "authors"} <= set(reference) for reference in cited["references"])
