"""Edit params.yaml as its owner would: comments, order and all other values stay."""

import io
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from fmagc.params.schema import Params, check

__all__ = ["check_text", "edited"]


class _Representer(RoundTripRepresenter):
    """Write null as `null`, as the file has it: the default is an empty value."""

    def represent_none(self, data: None) -> ScalarNode:
        node: ScalarNode = self.represent_scalar("tag:yaml.org,2002:null", "null")
        return node


_Representer.add_representer(type(None), _Representer.represent_none)


def edited(text: str, values: Mapping[str, Any]) -> tuple[str, dict[str, tuple[Any, Any]]]:
    """Set values in the text of a YAML file.

    Parameters
    ----------
    text : str
    values : mapping
        Dotted key -> value: a scalar, or a list that replaces all entries.

    Returns
    -------
    text : str
        The same bytes where nothing changes.
    changes : dict
        Dotted key -> the value before (None: there was none) and after, of those that changed.
    """
    yaml = YAML()
    yaml.Representer = _Representer
    yaml.preserve_quotes = True
    yaml.width = 1 << 16  # break no long comment or value
    document = yaml.load(text)
    changes = {}
    for key, value in values.items():
        block, name = document, key
        *above, name = key.split(".")
        for part in above:
            block = block[part]
        before = block.get(name)
        if name in block and before == value:
            continue
        changes[key] = (list(before) if isinstance(before, list) else before, value)
        if isinstance(before, list) and isinstance(value, list):
            before[:1] = value[:1]  # in place: comments and style belong to the list that is there
            del before[1:]
            before.extend(value[1:])
        else:
            block[name] = value
            if comment := block.ca.items.get(name, [None] * 3)[2]:
                comment.column = 0  # one blank after the value, however long that is
    if not changes:
        return text, changes
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue(), changes


def check_text(name: str, text: str) -> Params:
    """Read a settings file that is not there yet, or raise SettingsError with every fault of it."""
    with tempfile.TemporaryDirectory(prefix="fmagc-use-") as folder:
        candidate = Path(folder, name)
        candidate.write_text(text, encoding="utf-8")
        return check(candidate)
