"""Compiled functions where nothing can be kept on disk."""

import os
import subprocess
import sys

from tests.support.dag import ROOT

CODE = """
import numpy as np
from fmagc.audio.float16 import to_float16
from fmagc.audio.time_stretch import wsola
print(to_float16(np.ones(3, np.float32)).sum(), wsola(np.ones(5000, np.float32), n_out=4000).mean())
"""


def test_a_machine_without_a_place_for_compiled_code_compiles_all_the_same() -> None:
    environment = {**os.environ, "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator"}  # as if no folder were writable
    ran = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, env=environment, text=True, capture_output=True)
    assert (ran.stdout, ran.returncode) == ("3.0 1.0\n", 0), ran.stderr
