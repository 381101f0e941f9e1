"""Settings of Sphinx for the pages of this folder; `sphinx-build -W docs FOLDER` needs no network."""

from pathlib import Path

from ruamel.yaml import YAML

from fmagc import __version__

_CITATION = YAML(typ="safe", pure=True).load(Path(__file__).parents[1] / "CITATION.cff")

project = "fmagc"
author = ", ".join(person["name"] for person in _CITATION["authors"])
copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "numpydoc"]
html_theme = "furo"
html_title = f"fmagc {version}"
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 3
autodoc_typehints = "none"  # numpydoc's rows have types, shapes and units
numpydoc_show_class_members = False
