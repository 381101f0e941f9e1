"""The check for room: what it lets through, and numbers that a message does not round to the same."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from fmagc.errors import DataError, format_bytes
from fmagc.runtime.free_space import require_publishable, require_space


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (342 << 20, "358.6 MB"),
        (93 << 30, "99.9 GB"),
        (10**13, "10.0 TB"),
        (10**19, "10000.0 PB"),
    ],
)
def test_sizes_are_written_in_the_unit_that_fits(n_bytes: int, text: str) -> None:
    assert format_bytes(n_bytes) == text


def test_a_byte_too_few_is_reported_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=6_000_000))
    require_space(tmp_path, 6_000_000, what="3 files")
    with pytest.raises(DataError) as caught:
        require_space(tmp_path, 6_000_001, what="3 files")
    assert str(caught.value).startswith(
        f"{tmp_path}: 3 files need up to 6.0 MB, 6.0 MB are free: make room for 1 byte more (`dvc gc -w` drops"
    )


@pytest.mark.parametrize("name", ["staging/.trial", "out/.staging.trial"])
def test_a_link_at_the_name_of_a_trial_is_not_followed(tmp_path: Path, name: str) -> None:
    for folder in ("staging", "out"):
        (tmp_path / folder).mkdir()
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    require_publishable(tmp_path / "staging", tmp_path / "out", 0, reused=[], what="files")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["out", "staging"]
