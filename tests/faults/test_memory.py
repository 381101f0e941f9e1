"""Memory does not grow with the number of tracks: ``python -m tests.bench.memory`` at a tenth of its size."""

from pathlib import Path

import pytest

from tests.bench.memory import compare
from tests.support.small_project import OUT_OF

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")


def test_ten_times_the_tracks_take_the_same_memory(tmp_path: Path) -> None:
    found = compare(tmp_path, few=20, many=200)
    for stage in OUT_OF:
        measured = found[stage]
        assert len(measured["few"]["workers"]) > 0
        assert measured["parent_ratio"] < 1.1, measured
        assert measured["workers_ratio"] < 1.1, measured
