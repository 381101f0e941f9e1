"""No file outgrows its one idea."""

import pytest

from tests.support.dag import ROOT

MOST_LINES = 300


@pytest.mark.parametrize("folder", ["fmagc", "stages", "tests"])
def test_a_file_is_no_longer_than_contributing_says(folder: str) -> None:
    assert f"Files of 60 to {MOST_LINES} lines" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = (ROOT / folder).rglob("*.py")
    lines = {path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert lines
    assert {path: n for path, n in lines.items() if n > MOST_LINES} == {}, "split them: one idea a file"
