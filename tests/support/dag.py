"""dvc.yaml as the tests read it: its stages, and what a stage's script imports."""

import ast
import re
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fmagc.runtime.import_closure import import_closure

ROOT = Path(__file__).resolve().parents[2]


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


def closure(file: Path) -> set[str]:
    """Return every file of the project that a file imports, itself included."""
    return {found.relative_to(ROOT).as_posix() for found in import_closure(file)}


def room(path: str) -> str:
    """Name the room of a file: the folder, or the single file, right below the package."""
    return Path(path).parts[1].removesuffix(".py")


def floors() -> list[list[str]]:
    """Sort the rooms of the package into floors: a room stands above every room that it imports from.

    Raises
    ------
    ValueError
        When rooms import from one another in a circle.
    """
    paths = [path.relative_to(ROOT).as_posix() for path in (ROOT / "fmagc").rglob("*.py")]
    below: dict[str, set[str]] = {room(path): set() for path in paths if room(path) != "__init__"}
    for path in paths:
        below.setdefault(room(path), set()).update({room(other) for other in closure(ROOT / path)} - {room(path)})
    found: list[list[str]] = []
    while below:
        floor = sorted(name for name, others in below.items() if not others & set(below))
        if not floor:
            raise ValueError(f"expected floors, found rooms that import from one another: {sorted(below)}")
        found.append(floor)
        below = {name: others for name, others in below.items() if name not in floor}
    return found


def floor_table() -> str:
    """Write the floors as the Markdown table of CONTRIBUTING.md, the highest first."""
    rows = ["| floor | room | what | torch |", "| --- | --- | --- | --- |"]
    for number, rooms in reversed(list(enumerate(floors()))):
        for name in rooms:
            folder = ROOT / "fmagc" / name
            files = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
            place = f"fmagc/{name}/" if folder.is_dir() else f"fmagc/{name}.py"
            docstring = ast.get_docstring(ast.parse(files[0].read_text(encoding="utf-8"))) or ""
            torch = "yes" if any(_imports_torch(file) for file in files) else ""
            rows.append(f"| {number} | `{place}` | {docstring.splitlines()[0]} | {torch} |")
    return "\n".join(rows)


def _imports_torch(file: Path) -> bool:
    """Tell whether a file imports torch itself."""
    return re.search(r"^\s*(import|from) torch\b", file.read_text(encoding="utf-8"), flags=re.MULTILINE) is not None


if __name__ == "__main__":
    sys.stdout.write(floor_table() + "\n")
