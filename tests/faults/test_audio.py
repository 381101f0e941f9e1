"""Broken MP3s and a decoder at its worst, through the real stage: each costs its own track and nothing else."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile

from fmagc.audio.decode import decode
from fmagc.audio.quantise import most_samples
from fmagc.errors import Reason, RejectedTrack
from fmagc.runtime.worker_main import MEMORY
from fmagc.runtime.worker_pool import map_isolated
from tests.support import crashing_decoder
from tests.support.audio_files import SETTINGS
from tests.support.broken_files import IDS_PER_SHARD, LENGTH, SILENT_FRAME, Case, cases, fill, neighbours, song
from tests.support.dag import ROOT
from tests.support.decode_run import Run, prepare, run_stage

CASES = cases()
DEEDS = {
    "F9 not finite": [Case("not a number", song(), "non_finite", "^2 of 65536 samples")],
    "F10 crash": [
        Case("segfault", song(), "decoder_crashed", "^the worker died of SIGSEGV$"),
        Case("abort", song(), "decoder_crashed", "^the worker died of SIGABRT$"),
        Case("killed", song(), "decoder_crashed", "^the worker died of SIGKILL$"),
        Case("exit", song(), "decoder_crashed", "^the worker left with exit status 3$"),
    ],
    "F11 hang": [
        Case("asleep", song(), "decoder_timeout", "^stopped after 10 s$"),
        Case("spinning", song(), "decoder_timeout", "^stopped after 10 s$"),
        Case("stopped", song(), "decoder_timeout", "^stopped after 10 s$"),
    ],
    "F12 memory": [Case("eats memory", song(), "decoder_out_of_memory", "Unable to allocate|MemoryError")],
    "F13 endless": [Case("hour", SILENT_FRAME * 50_000, "+silent resampled")],
}

Decoded = tuple[Run, pd.DataFrame, dict[int, Case]]


def decoded(folder: Path, classes: dict[str, list[Case]], script: str, **audio: float) -> Decoded:
    index, by_track = fill(folder / "data/raw", classes)
    prepare(folder, index, **audio)
    return run_stage(folder, script), index, by_track


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    """Every broken file, decoded by the stage's own script."""
    return decoded(tmp_path_factory.mktemp("broken"), CASES, "stages.decode")


@pytest.fixture(scope="module")
def wicked(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    """Every misdeed of a decoder."""
    return decoded(tmp_path_factory.mktemp("wicked"), DEEDS, "tests.support.crashing_decoder", timeout_s=10.0)


@pytest.fixture(scope="module", params=["broken", "wicked"])
def both(request: pytest.FixtureRequest) -> Decoded:
    found: Decoded = request.getfixturevalue(request.param)
    return found


def outcomes(run: Decoded, classes: dict[str, list[Case]], name: str) -> list[tuple[Case, pd.Series]]:
    """Pair the cases of a class, and its neighbours, with their rows of the ledger."""
    ledger, first = run[0].ledger(run[1]), IDS_PER_SHARD * list(classes).index(name)
    numbers = range(first, first + len(classes[name]) + len(neighbours()))
    return [(run[2][number], ledger.loc[number]) for number in numbers]


def check(pairs: Sequence[tuple[Case, pd.Series]]) -> None:
    for case, row in pairs:
        found = f"{case.name}: {row['reason']} {row['flags']} {row['detail']}"
        if case.outcome.startswith("+"):
            assert (row["status"], row["reason"]) == ("accepted", ""), found
            assert row["flags"] == case.outcome[1:], found
        else:
            assert row["status"] == "rejected", found
            assert row["reason"] in case.outcome.split(), found
            assert re.search(case.detail, row["detail"]), found


@pytest.mark.parametrize("name", CASES)
def test_each_broken_file_costs_its_own_track(broken: Decoded, name: str) -> None:
    check(outcomes(broken, CASES, name))


@pytest.mark.parametrize("name", DEEDS)
def test_each_misdeed_of_a_decoder_costs_its_own_track(wicked: Decoded, name: str) -> None:
    check(outcomes(wicked, DEEDS, name))


def test_every_track_is_accounted_for_and_nothing_stays(both: Decoded) -> None:
    run, index, by_track = both
    ledger = run.ledger(index)  # which refuses a table that lacks a requested track
    accepted = ledger.index[ledger["status"] == "accepted"].tolist()
    wanted = [track_id for track_id, case in by_track.items() if case.outcome.startswith("+")]
    assert (run.status, run.survivors) == (0, [])
    assert accepted == wanted == run.cache().track_ids
    assert f"{len(wanted)} of {len(by_track)} tracks accepted" in run.out


def test_accepted_rows_hold_what_the_files_hold(both: Decoded) -> None:
    cache = both[0].cache()
    for track_id in cache.track_ids:
        data, row = both[2][track_id].put, cache[track_id]
        assert isinstance(data, bytes)
        assert len(row.values) >= LENGTH
        # of a variable bit rate without a Xing header, the reference reads a part
        if row.columns["sample_rate"] == 44100 and both[2][track_id].name != "unknown length":
            y = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0].mean(axis=1)
            assert len(row.values) == len(y)
            assert np.abs(row.columns["scale"] * row.values - y).max() <= 0.51 * row.columns["scale"]


def test_faults_do_not_change_a_byte_of_what_is_accepted(both: Decoded, tmp_path: Path) -> None:
    index, by_track = both[1], both[2]
    sound = index[[by_track[track_id].outcome.startswith("+") for track_id in index["track_id"]]]
    prepare(tmp_path, sound)
    (tmp_path / "data/raw").symlink_to(both[0].folder / "data/raw")
    undisturbed = run_stage(tmp_path)
    assert undisturbed.status == 0
    assert rows(undisturbed) == rows(both[0])


def rows(run: Run) -> dict[int, tuple[bytes, dict[str, Any], str]]:
    cache = run.cache()
    return {
        track_id: (cache[track_id].values.tobytes(), cache[track_id].columns, cache[track_id].path.name)
        for track_id in cache.track_ids
    }


def test_the_terminal_shows_progress_and_a_summary_alone(both: Decoded) -> None:
    run = both[0]
    expected = r"\d+ tracks to decode|\d+ of \d+ tracks accepted, rejected: |\d+ shards made|what became of every track"
    assert all(re.match(expected, line) for line in run.out.splitlines()), run.out
    assert all(re.match("decode: |$", line) for line in re.split("[\r\n]+", run.err)), run.err


def test_decoders_messages_are_in_the_rows_of_their_tracks(broken: Decoded) -> None:
    ledger = broken[0].ledger(broken[1])
    speaking = {broken[2][track_id].name for track_id in ledger.index[ledger["detail"].str.contains("resync")]}
    assert speaking >= {"flips", "hole"}
    assert not speaking & {"first", "last", "exactly", "mono"}


def measured(run: Decoded, name: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(
        (run[0].folder / crashing_decoder.NOTES / f"{name}.json").read_text(encoding="utf-8")
    )
    return found


def test_memory_is_capped_in_the_worker_and_bounded_in_the_parent(wicked: Decoded) -> None:
    glutton = measured(wicked, "eats memory")
    assert MEMORY < glutton["limit"] < 2 * MEMORY  # of the address space, of which libraries take some
    assert crashing_decoder.HOARD < glutton["peak"] < glutton["limit"]
    assert measured(wicked, crashing_decoder.PARENT)["peak"] < MEMORY / 2


def test_an_endless_file_takes_no_more_memory_than_a_song(wicked: Decoded) -> None:
    whole = 4 * 576 * 50_000  # bytes of its samples, as float32
    assert measured(wicked, "hour")["peak"] < measured(wicked, "first")["peak"] + whole / 4


def test_a_wrong_path_stops_the_run_with_one_message(tmp_path: Path) -> None:
    index, _ = fill(tmp_path / "data/raw", {"F8 silent": CASES["F8 silent"]})
    prepare(tmp_path, index)
    (tmp_path / "data/raw").rename(tmp_path / "data/elsewhere")
    run = run_stage(tmp_path)
    assert run.status == 1
    assert "expected at most 90% of 3 tracks to be rejected" in run.err
    assert "3: {'missing_file': 3}" in run.err
    assert "Traceback" not in run.err
    assert not (tmp_path / "data/waves").exists()


def test_a_wrong_path_beside_right_ones_stops_the_run(tmp_path: Path) -> None:
    index, _ = fill(tmp_path / "data/raw", {"here": [], "there": []})
    prepare(tmp_path, index)
    params = tmp_path / "params.yaml"
    params.write_text(re.sub(r"max_reject_fraction: \S+", "max_reject_fraction: 0.4", params.read_text()))
    (tmp_path / "data/raw/there").rename(tmp_path / "data/raw/elsewhere")
    assert run_stage(tmp_path).status == 1
    params.write_text(re.sub(r"max_reject_fraction: \S+", "max_reject_fraction: 0.5", params.read_text()))
    assert run_stage(tmp_path).status == 0


def as_nobody(path: Path) -> None:
    """Run in a worker: decode without the rights of root."""
    if os.geteuid() == 0:
        os.seteuid(65534)
    room = np.empty(most_samples(SETTINGS), dtype=np.int16)
    decode(path, expected_sha1="", listed_sha1="", settings=SETTINGS, min_samples=1, out=room)


def test_a_file_that_may_not_be_read_is_named_so(tmp_path: Path) -> None:
    path = tmp_path / "locked.mp3"
    path.write_bytes(song())
    path.chmod(0)
    (outcome,) = map_isolated(as_nobody, [path], timeout_s=30, workers=1)
    assert isinstance(outcome.result, RejectedTrack)
    assert (outcome.result.reason, outcome.result.detail) == (Reason.UNREADABLE_FILE, "Permission denied")


def test_workers_import_no_more_than_they_use() -> None:
    listed = "import sys, {}; print(*{{name.split('.')[0] for name in sys.modules}})"
    for module, unused in (("waveform_worker", {"numba"}), ("mel_worker", {"soundfile", "soxr"})):
        command = [sys.executable, "-c", listed.format(f"fmagc.cache.build.{module}")]
        loaded = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True).stdout.split()
        assert "numpy" in loaded
        assert not {"torch", "librosa", "sklearn", "matplotlib", "pandas", "h5py"} & set(loaded)
        assert not unused & set(loaded)
