"""CITATION.cff: what a reference manager reads agrees with the package."""

import runpy
from typing import Any

from ruamel.yaml import YAML

import fmagc
from tests.support.dag import ROOT


def cited() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "CITATION.cff")
    return document


def test_the_citation_is_that_of_this_version() -> None:
    citation = cited()
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == fmagc.__version__
    assert {"message", "title", "authors", "type"} <= set(citation)
    assert all({"type", "title", "authors"} <= set(reference) for reference in citation["references"])


def test_licence_and_pages_name_the_authors_of_the_citation() -> None:
    (author,) = (person["name"] for person in cited()["authors"])
    assert author.removeprefix("The ") in (ROOT / "LICENSE").read_text(encoding="utf-8").splitlines()[2]
    assert runpy.run_path(str(ROOT / "docs/conf.py"))["author"] == author
