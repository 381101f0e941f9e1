"""Describe the pipeline, dvc.yaml with params.yaml, as boxes and arrows."""

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

from fmagc.reporting.figures.graph import Box
from fmagc.reporting.text import counted, setting

__all__ = ["stage_boxes", "stage_edges", "stages_of_run"]

Stages = Mapping[str, Mapping[str, Any]]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def stages_of_run(stages: Stages, params: Mapping[str, Any]) -> Stages:
    """Leave out the stages that are repeated for each entry of an empty list: for DVC there are none."""
    return {name: stage for name, stage in stages.items() if all(values for _, values in _repeated(stage, params))}


def stage_boxes(stages: Stages, params: Mapping[str, Any]) -> dict[str, Box]:
    """Describe each stage: its purpose, how often it runs, its outputs and its settings.

    Parameters
    ----------
    stages : mapping
        ``stages`` of dvc.yaml.
    params : mapping
        params.yaml.
    """
    return {name: Box(name, tuple(_paragraphs(stage, params))) for name, stage in stages.items()}


def stage_edges(stages: Stages) -> list[tuple[str, str]]:
    """List the pairs of stages of which one reads what the other writes."""
    return [
        (maker, reader)
        for maker, made in stages.items()
        for reader, stage in stages.items()
        if any(_overlap(out, dep) for out in _outs(made) for dep in stage["deps"])
    ]


def _paragraphs(stage: Mapping[str, Any], params: Mapping[str, Any]) -> Iterator[str]:
    yield f"{stage['desc']}."
    repeated = _repeated(stage, params)
    if repeated:
        yield "once for " + " x ".join(counted(len(values), key) for key, values in repeated)
    if outs := list(_outs(stage)):
        yield f"writes {', '.join(_VARIABLE.sub('*', out) for out in outs)}"
    for key in stage.get("params", []):
        if key.startswith("run."):  # what the stages are repeated for
            continue
        for found in _filled(key, dict(repeated)):
            value = setting(_value(params, found))
            if value:
                yield f"{found}: {value}"


def _repeated(stage: Mapping[str, Any], params: Mapping[str, Any]) -> list[tuple[str, list[Any]]]:
    """List what a stage is repeated for: the names of its matrix with their values."""
    return [(key, _value(params, _VARIABLE.findall(source)[0])) for key, source in stage.get("matrix", {}).items()]


def _filled(key: str, repeated: Mapping[str, list[Any]]) -> list[str]:
    """Name the settings that a key stands for: a variable in it takes each value that the stage is repeated for."""
    variable = _VARIABLE.search(key)
    if variable is None:
        return [key]
    return [_VARIABLE.sub(str(value), key) for value in repeated[variable[1].removeprefix("item.")]]


def _outs(stage: Mapping[str, Any]) -> Iterator[str]:
    """Give the paths of outs, metrics and plots, which may carry options."""
    for kind in ("outs", "metrics", "plots"):
        for out in stage.get(kind, []):
            yield out if isinstance(out, str) else next(iter(out))


def _overlap(out: str, dep: str) -> bool:
    """Check for one path that lies in the other or equals it; a variable stands for anything."""
    pairs = zip_longest(out.split("/"), dep.split("/"))
    for one, other in pairs:
        if one is None or other is None:
            return True
        if not (_matches(one, other) or _matches(other, one)):
            return False
    return True


def _matches(pattern: str, name: str) -> bool:
    parts = _VARIABLE.split(pattern)[::2]  # what stands around the variables
    return re.fullmatch(".*".join(map(re.escape, parts)), name) is not None


def _value(params: Mapping[str, Any], key: str) -> Any:
    value: Any = params
    for part in key.split("."):
        value = value[part]
    return value
