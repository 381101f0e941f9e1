"""Run git for the commands that need it."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from fmagc.errors import FmagcError

__all__ = ["run_git"]


def run_git(
    arguments: Sequence[str], repository: Path, *, task: str, env: Mapping[str, str] | None = None, text: str = ""
) -> str:
    """Run git and return what it printed, without the last line break.

    Parameters
    ----------
    arguments : sequence of str
    repository : Path
        Any folder of it.
    task : str
        What a message calls the work for which git is needed.
    env : mapping, optional
        Variables in addition to those of this process.
    text : str
        Standard input.

    Raises
    ------
    FmagcError
        Without git, or when it fails.
    """
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=repository,
            env={**os.environ, **(env or {})},
            input=text,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except FileNotFoundError:
        raise FmagcError(f"{task}: expected the program git on the PATH, found none. Install git.") from None
    if done.returncode:
        said = done.stderr.strip() or f"exit status {done.returncode}"
        raise FmagcError(
            f"{task}: `git {' '.join(arguments)}` failed in {repository.resolve()}: {said}. "
            "Run this in the project's git repository and name a revision or a branch that git accepts."
        )
    return done.stdout.rstrip("\n")
