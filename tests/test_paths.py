"""Every path of dvc.yaml is written in fmagc/paths.py, and nowhere else in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from fmagc import paths
from tests.support.dag import ROOT, stages

NAMED = {path.as_posix() for path in vars(paths).values() if isinstance(path, Path) and len(path.parts) > 1}
OUTS = {
    next(iter(out)) if isinstance(out, dict) else out
    for stage in stages().values()
    for kind in ("outs", "metrics", "plots")
    for out in stage.get(kind, [])
}
PATH = re.compile(rf"(?<![\w/])(?:{'|'.join(sorted(NAMED | {out.split('/$')[0] for out in OUTS}))})(?!\w)")
CODE = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("fmagc", "stages")
    for path in (ROOT / folder).rglob("*.py")
    if path != Path(paths.__file__)
)


def literals(tree: ast.AST) -> Iterator[str]:
    """Give the text of a module without its docstrings."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
                yield child.value


@pytest.mark.parametrize("module", CODE)
def test_no_module_writes_a_path_of_its_own(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    assert [text for text in literals(tree) if PATH.search(text)] == []


def test_every_out_of_the_pipeline_lies_below_a_named_path() -> None:
    assert [out for out in OUTS if not any(out == path or out.startswith(f"{path}/") for path in NAMED)] == []
