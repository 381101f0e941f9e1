"""The import closure of a module: every file of the project that decides what the module does.

Imports are read from the source, not from `sys.modules`: imports inside functions count too, and those of a worker
process are known without starting one.
"""

import ast
from functools import cache
from pathlib import Path

__all__ = ["PACKAGE", "import_closure"]

PACKAGE = Path(__file__).resolve().parents[1]


def import_closure(*files: Path) -> frozenset[Path]:
    """List the files of the project that files import, directly or through one another, themselves included.

    The `__init__` of a package that holds nothing but a docstring decides nothing and is left out.

    Parameters
    ----------
    *files : Path
        Absolute, in the package or next to it.

    Returns
    -------
    frozenset of Path
    """
    found: set[Path] = set()
    waiting = list(files)
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += _imports(file, file.read_bytes())
    return frozenset(found)


@cache
def _imports(file: Path, source: bytes) -> tuple[Path, ...]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(source, filename=str(file))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    places = [PACKAGE.joinpath(*parts[1:]) for name in names if (parts := name.split("."))[0] == PACKAGE.name]
    modules = [place.with_suffix(".py") for place in places] + [place / "__init__.py" for place in places]
    return tuple(module for module in modules if module.is_file() and not _is_bare(module))


def _is_bare(file: Path) -> bool:
    """Check whether the `__init__` of a package neither imports nor defines anything."""
    body = ast.parse(file.read_bytes()).body
    return file.name == "__init__.py" and all(isinstance(node, ast.Expr | ast.Assign) for node in body)
