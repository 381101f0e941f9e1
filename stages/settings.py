"""Validate the whole of params.yaml, so that a misspelt key is seen even when nothing else would run."""

import sys

from fmagc.console import run
from fmagc.params.whole import check


def main() -> None:
    """Check params.yaml."""
    params = check()
    print(f"params.yaml is sound: {params.dataset.name}, models {', '.join(params.run.models)}")


if __name__ == "__main__":
    sys.exit(run(main))
