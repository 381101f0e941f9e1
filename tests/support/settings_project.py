"""A project of settings alone, in the folder of the process, and the music that `fmagc use` points it at."""

import subprocess
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FILES = [f"{genre}/{genre} band {artist}/{n}.wav" for genre in ("Dance", "Folk") for artist in range(3) for n in (1, 2)]


def settings() -> dict[str, Any]:
    """Read params.yaml as it is."""
    found: dict[str, Any] = YAML(typ="safe").load(Path("params.yaml"))
    return found


def git(*arguments: str) -> str:
    """Run git and return what it prints."""
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=True).stdout.strip()
