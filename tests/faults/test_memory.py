"""Memory does not grow with the number of tracks: ``python -m tests.bench.memory`` on fewer tracks."""

from pathlib import Path

import pytest

from tests.bench.memory import compare
from tests.support.small_project import OUT_OF

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from /proc")


def test_ten_times_the_tracks_take_the_same_memory(tmp_path: Path) -> None:
    found = compare(tmp_path, few=60, many=600)
    for stage in OUT_OF:
        measured = found[stage]
        assert measured["parent_ratio"] < 1.1, measured
        assert measured["workers_ratio"] < 1.1, measured
