"""`fmagc verify`: every byte of both caches is compared, and every damaged file is named."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from fmagc.cache.reader import Cache
from fmagc.cli import main
from tests.support.caches import publish
from tests.support.small_project import without_bars


@pytest.fixture
def data(tmp_path: Path) -> Path:
    waves = [np.arange(5000, dtype=np.int16) + np.int16(track) for track in range(4)]
    publish(tmp_path / "waves", waves, params={}, rows_per_shard=2)
    publish(tmp_path / "mels", [np.ones((5, 8), np.float16)] * 4, params={}, rows_per_shard=2)
    return tmp_path


def rot(path: Path, place: int) -> None:
    """Change a byte and leave the times of the file as a failing disk would: as far as a test can, all but ctime."""
    before = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_sound_caches_are_named_with_what_was_read(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(data)]) == 0
    waves, mels = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"{data}/waves: 4 tracks in 2 shards, 0\.00 GB read: every byte is as it was written", waves)
    assert mels.startswith(f"{data}/mels: 4 tracks in 2 shards")


def test_embeddings_are_read_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish(data / "embeddings", [np.ones(6, np.float32)] * 4, params={}, rows_per_shard=2)
    (data / "embeddings").rename(data / "mine")
    (data / "embeddings").mkdir()
    (data / "mine").rename(data / "embeddings/mine")
    assert main(["verify", str(data)]) == 0
    assert capsys.readouterr().out.splitlines()[2].startswith(f"{data}/embeddings/mine: 4 tracks in 2 shards")
    rot(data / "embeddings/mine/001.h5", 4096)
    assert main(["verify", str(data)]) == 1
    assert f"{data}/embeddings/mine/001.h5: expected digest" in capsys.readouterr().err


def test_every_damaged_file_is_named_with_its_remedy(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rot(data / "waves/000.h5", 5000)
    rot(data / "waves/001.h5", 100)
    (data / "mels/001.h5").unlink()
    assert main(["verify", str(data)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = without_bars(captured.err)
    assert [line.split(": expected digest")[0].removeprefix("error: ") for line in lines] == [
        f"{data}/waves/000.h5", f"{data}/waves/001.h5", f"{data}/mels/001.h5"
    ]  # fmt: skip
    assert all("run `dvc checkout --force`" in line for line in lines)


def test_what_an_earlier_pass_found_sound_is_read_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Cache(data / "waves", "waves", stage="decode")
    path = data / "waves/000.h5"
    sound = path.stat()
    rot(path, 5000)
    stat = Path.stat  # what changes below the file system changes no time

    def unchanged(found: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        return sound if found == path else stat(found, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", unchanged)
    Cache(data / "waves", "waves", stage="decode")
    assert main(["verify", str(data)]) == 1
