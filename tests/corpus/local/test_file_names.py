"""A file's id follows from its name alone."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from fmagc.cache.build.waveforms import shard_of
from fmagc.corpus.local.file_names import hashed_ids
from tests.support.own_music import NAME, put, selected


def test_a_new_file_leaves_ids_and_shards_of_others_alone(root: Path) -> None:
    before = selected(root)[0].set_index("path")["track_id"]
    put("blues/Aa.mp3")(root)
    after = selected(root)[0].set_index("path")["track_id"]
    assert len(after) == len(before) + 1
    assert after[before.index].tolist() == before.tolist()
    ids = hashed_ids(f"{number}.mp3" for number in range(9000))
    assert all(len(str(track_id)) == 9 for track_id in ids.values())
    sizes = pd.Series([shard_of(track_id, ids_per_shard=1000) for track_id in ids.values()]).value_counts()
    assert len(sizes) == 90
    assert sizes.between(60, 145).all()


def test_ids_that_meet_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = {"a\0000": 100000005, "b\0000": 100000005, "b\0001": 100000005, "b\0002": 100000007}
    monkeypatch.setattr("fmagc.corpus.local.file_names._number", numbers.__getitem__)
    assert hashed_ids(["B", "a"]) == {"a": 100000005, "B": 100000007}


def test_a_locale_in_which_ids_would_differ_is_refused(root: Path) -> None:
    code = f"from fmagc.corpus.data_home import scan_files; scan_files('{root}', '{NAME}', layout='folders')"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "DataError: locale: expected UTF-8 for the names of files, found " in ended.stderr
    assert "export LC_ALL=C.UTF-8" in ended.stderr
