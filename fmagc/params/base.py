"""Read params.yaml into strict blocks, and report every fault of a file in one message."""

import difflib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from fmagc.errors import SettingsError, format_value
from fmagc.paths import PARAMS_FILE

__all__ = ["Block", "faults_of", "read_document", "settings_error", "validated"]


RENAMED = {"probe": "robustness"}  # old keys of params.yaml and what they are called today
_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "list_type": "a list",
    "too_short": "at least one entry",
    "model_type": "a block of keys",
    "model_attributes_type": "a block of keys",
    "dict_type": "a block of keys",
    "bool_type": "true or false",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "multiple_of": "a multiple of {multiple_of:g}",
    "union_tag_invalid": "one of {expected_tags}",
}


Settings = TypeVar("Settings", bound="Block")


class Block(BaseModel):
    """A block of params.yaml: immutable, typed without conversion, closed to unknown keys and to NaN."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def load(cls, key: str, *, path: Path = PARAMS_FILE) -> Self:
        """Read the block at a dotted key.

        Parameters
        ----------
        key : str
            For instance ``mel`` or ``models.crnn``.
        path : Path
            The settings file.

        Raises
        ------
        SettingsError
            With every fault of the block.
        """
        document = read_document(path)
        value: Any = document
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                raise settings_error(path, [f"{key}: expected a block of keys, found nothing"])
            value = value[part]
        faults = faults_of(cls, value, where=key)
        if faults:
            raise settings_error(path, faults)
        return cls.model_validate(value)


def read_document(path: Path) -> dict[str, Any]:
    """Parse a YAML 1.2 file, as DVC does (there 1e-3 is a number and `yes` is text).

    Raises
    ------
    SettingsError
        When the file is missing, is no YAML, repeats keys or holds something else than keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
        try:
            document = YAML(typ="safe", pure=True).load(text)
        except DuplicateKeyError:  # names the first key alone
            raise settings_error(path, list(_repeated(YAML(typ="safe", pure=True).compose(text)))) from None
    except FileNotFoundError:
        raise settings_error(path, ["expected a settings file, found none: run from the project's folder"]) from None
    except (YAMLError, ValueError) as error:  # no UTF-8, or a tagged or overlong number, is a ValueError
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise settings_error(path, [f"expected YAML in UTF-8, found a fault: {'; '.join(lines)}"]) from None
    except RecursionError:
        raise settings_error(path, ["expected blocks of keys, found brackets nested too deep to read"]) from None
    if not isinstance(document, dict):
        raise settings_error(path, [f"expected blocks of keys, found {format_value(document)}"])
    return document


def faults_of(block: type[BaseModel], value: Any, *, where: str = "") -> list[str]:
    """Describe every fault of a value, a line each; an empty list means that it is valid."""
    try:
        block.model_validate(value)
    except ValidationError as error:
        return [_describe(block, fault, value, where) for fault in error.errors(include_url=False)]
    return []


def without_faults(block: type[BaseModel], value: Any) -> Any:
    """Return a value with null in place of each invalid key, and without the invalid entries of lists."""
    try:
        block.model_validate(value)
    except ValidationError as error:
        faults = {tuple(_place_of(fault, value)) for fault in error.errors(include_url=False)}
        return _pruned(value, faults, ())
    return value


def _pruned(value: Any, faults: set[tuple[str | int, ...]], place: tuple[str | int, ...]) -> Any:
    if isinstance(value, dict):
        return {
            key: None if (*place, key) in faults else _pruned(part, faults, (*place, key))
            for key, part in value.items()
        }
    if isinstance(value, list):
        kept = ((n, part) for n, part in enumerate(value) if (*place, n) not in faults)
        return [_pruned(part, faults, (*place, n)) for n, part in kept]
    return value


def validated(block: type[Settings], where: str, **values: Any) -> Settings:
    """Make a block of the arguments of a function, or raise SettingsError that names the function and every fault."""
    faults = faults_of(block, values)
    if faults:
        raise SettingsError(f"{where}: {'; '.join(faults)}")
    return block.model_validate(values)


def settings_error(path: Path, faults: list[str]) -> SettingsError:
    """Gather the faults of one file into one error."""
    count = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}"
    lines = "\n".join(f"  {fault}" for fault in faults)
    advice = "Correct the file and run again; `dvc checkout` restores the outputs."
    return SettingsError(f"{path}: {count}\n{lines}\n{advice}")


def _repeated(root: Node) -> Iterator[str]:
    """Describe every key that a file holds twice or more, with its lines."""
    waiting, seen = [("", root)], set()
    while waiting:
        where, node = waiting.pop(0)
        if id(node) in seen or not isinstance(node, MappingNode | SequenceNode):
            continue
        seen.add(id(node))  # aliases may lead to one node a million times, or in a circle
        entries = [(str(place), entry) for place, entry in enumerate(node.value)]
        if isinstance(node, MappingNode):
            entries = [(str(key.value), value) for key, value in node.value]
            lines = defaultdict(list)
            for key, _ in node.value:
                lines[str(key.value)].append(str(key.start_mark.line + 1))
            for name, numbers in lines.items():
                if len(numbers) > 1:
                    yield f"{where}{name}: expected this key once, found it in lines {', '.join(numbers)}"
        waiting += [(f"{where}{name}.", entry) for name, entry in entries]


def _describe(block: type[BaseModel], fault: ErrorDetails, value: Any, where: str) -> str:
    key = ".".join([*([where] if where else []), *map(str, _place_of(fault, value))]) or "the file"
    kind, found = fault["type"], fault["input"]
    if kind.startswith("union_tag"):  # of a list of blocks whose key `name` says which they are
        key, found = f"{key}.name", found.get("name")
    if kind in ("missing", "union_tag_not_found"):
        return f"{key}: expected this key, found nothing"
    if kind == "extra_forbidden":
        if key in RENAMED:
            return f"{key}: expected no such key: it is called {RENAMED[key]} now; rename it"
        location = [str(part) for part in fault["loc"]]
        known = _siblings(block, location)
        close = difflib.get_close_matches(location[-1], known, n=1)
        advice = f" Did you mean {close[0]}?" if close else f" Known here: {', '.join(known)}." if known else ""
        return f"{key}: expected no such key, found {_as_yaml(found)}.{advice}"
    said = fault["msg"][0].lower() + fault["msg"][1:]  # in which a pattern may have braces
    expected = _EXPECTED[kind].format(**fault.get("ctx", {})) if kind in _EXPECTED else said
    expected = expected.removeprefix("input should be ").removeprefix("value error, ")
    return f"{key}: expected {expected}, found {_as_yaml(found)}"


def _place_of(fault: ErrorDetails, value: Any) -> list[str | int]:
    """Return the keys and places in lists that lead to a fault; pydantic names the branch of a union among them."""
    *parts, last = fault["loc"] or [""]
    place: list[str | int] = []
    for part in parts:
        try:
            value = value[part]
        except (KeyError, TypeError, IndexError):
            continue
        place.append(part)
    return [*place, last] if fault["loc"] else []


def _as_yaml(value: Any) -> str:
    """Write a value as params.yaml would, and mark text, which quotes alone may hide."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return format_value(value) + (" (text)" if isinstance(value, str) else "")


def _siblings(block: type[BaseModel], location: list[str]) -> list[str]:
    """List the keys that are known where an unknown one was found, walking down through blocks, lists and unions."""
    found: list[type[BaseModel]] = [block]
    for part in location[:-1]:
        inner = [model.model_fields[part].annotation for model in found if part in model.model_fields]
        if inner:
            found = [model for annotation in inner for model in _models_in(annotation)]
        elif not part.isdigit():  # a discriminated union names its branch in the location
            found = [model for model in found if _tag_of(model) in (part, None)] or found
    return sorted({name for model in found for name in model.model_fields})


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models_in(argument)]


def _tag_of(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("name")
    arguments = get_args(field.annotation) if field else ()
    return str(arguments[0]) if arguments else None
