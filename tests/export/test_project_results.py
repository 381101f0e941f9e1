"""The results of a training are found by its place, and only by that."""

from pathlib import Path

import pytest

from fmagc.export.project_results import find_results


@pytest.mark.parametrize("place", ["/", "/model", "/data/models/cnn2d"])
def test_a_folder_near_the_root_lies_in_no_project(place: str) -> None:
    assert find_results(Path(place), {}) is None
