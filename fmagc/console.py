"""How a stage ends: quietly, or with one clear message and its exit status."""

import sys
from collections.abc import Callable

from fmagc.errors import FmagcError

__all__ = ["run", "say"]


def say(text: str) -> None:
    """Print a line that tells what a stage is about to do or has done."""
    print(text, flush=True)  # noqa: T201


def run(stage: Callable[[], None]) -> int:
    """Call a stage and return its exit status: 0, 1 for data, 2 for settings, 130 after Ctrl-C."""
    try:
        stage()
    except FmagcError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_status
    except OSError as error:  # a full disk, a folder that may not be written, a file that may not be read
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return 130
    return 0
