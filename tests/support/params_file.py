"""The project's params.yaml with changes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.support.dag import ROOT


def written(tmp_path: Path, change: Callable[[Any], object]) -> Path:
    """Write it to a folder after a change of the parsed document, and return its path."""
    yaml = YAML()
    document = yaml.load(ROOT / "params.yaml")
    change(document)
    path = tmp_path / "params.yaml"
    yaml.dump(document, path)
    return path
