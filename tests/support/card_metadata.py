"""Read the metadata of a model card as a model hub does."""

import re
from typing import Any

from ruamel.yaml import YAML


def metadata_of(page: str) -> dict[str, Any]:
    """Parse the block between the first two lines of dashes."""
    block = re.match(r"---\n(.*?\n)---\n", page, re.DOTALL)
    assert block
    return YAML(typ="safe").load(block[1])
