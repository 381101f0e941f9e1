"""Run the command line: `python -m fmagc` is `fmagc`."""

import sys

from fmagc.cli import main

if __name__ == "__main__":
    sys.exit(main())
