"""dvc.yaml as the tests read it: its stages, and what a stage's script imports."""

import ast
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent


def pipeline() -> dict[str, Any]:
    """Read dvc.yaml."""
    document: dict[str, Any] = YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    return document


def stages() -> dict[str, dict[str, Any]]:
    """Return the stages of dvc.yaml by name."""
    found: dict[str, dict[str, Any]] = pipeline()["stages"]
    return found


def code_deps(stage: dict[str, Any]) -> set[str]:
    """Return the Python files that a stage names as dependencies; a folder stands for all its files."""
    paths = [ROOT / dep for dep in stage["deps"] if dep.startswith(("fmagc", "stages"))]
    files = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*.py")))]
    return {file.relative_to(ROOT).as_posix() for file in files}


def script_of(stage: dict[str, Any]) -> Path:
    """Return the script that a stage runs."""
    module = stage["cmd"].split()[2]
    return ROOT / Path(*module.split(".")).with_suffix(".py")


def closure(script: Path) -> set[str]:
    """Return every file of the project that a script imports, itself included, by walking its imports.

    The ``__init__`` of a package that holds nothing but a docstring is left out: it decides no output.
    """
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports(file)
    return {file.relative_to(ROOT).as_posix() for file in found}


@cache
def _imports(file: Path) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    parts = [name.split(".") for name in names if name.split(".")[0] in ("fmagc", "stages")]
    places = [ROOT.joinpath(*part) for part in parts]
    modules = [place.with_suffix(".py") for place in places] + [place / "__init__.py" for place in places]
    return tuple(module for module in modules if module.is_file() and not _is_bare(module))


def _is_bare(file: Path) -> bool:
    """Tell whether a package's __init__ holds no import and no definition."""
    body = ast.parse(file.read_text(encoding="utf-8")).body
    return file.name == "__init__.py" and all(isinstance(node, ast.Expr | ast.Assign) for node in body)


# A file imports from lower floors and from its own room; the stages stand above all of them.
FLOORS = (
    ("errors",),
    ("files", "direct", "lock"),
    ("params", "console", "staging", "engine"),
    ("cluster",),
    ("audio", "corpus"),
    ("store",),
    ("models",),
    ("training",),
    ("evaluation",),
    ("prediction",),
    ("__main__",),
)


def floor(path: str) -> int:
    """Return the floor of a file of the package."""
    room = Path(path).parts[1].removesuffix(".py")
    return next((number for number, rooms in enumerate(FLOORS) if room in rooms), -1)
