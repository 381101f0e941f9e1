"""The fuzzer at a size that every run of the tests can bear."""

import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from fmagc.errors import RejectedTrack
from fmagc.params.signal import Decoder
from tests.faults.fuzz import fuzz
from tests.support.audio_files import decode_bytes
from tests.support.decoders import DECODERS
from tests.support.mutations import frames_of, mutated, other_sources, synthetic_sources


@pytest.mark.parametrize("decoder", DECODERS)
def test_damaged_files_cost_themselves_alone(decoder: Decoder, tmp_path: Path) -> None:
    report = fuzz(tmp_path, sources=synthetic_sources(), count=150, seed=1, decoder=decoder)
    assert report.faults == []
    assert len(report.ledger) == 167
    assert {"", "truncated", "decode_error"} <= set(report.ledger["reason"])  # there was something to reject


def test_damaged_containers_are_decoded_or_rejected(tmp_path: Path) -> None:
    sources, reasons = other_sources(), Counter[str]()
    for number in range(600):
        data = mutated(sources, seed=5, number=number)
        try:
            decoded = decode_bytes(data, tmp_path, suffix=".wav", min_samples=100, max_seconds=0.2)
        except RejectedTrack as refused:
            reasons[refused.reason] += 1
        else:
            assert 0 < decoded.scale < math.inf
            reasons["accepted"] += 1
    assert min(reasons[name] for name in ("accepted", "truncated", "decode_error", "not_audio")) > 10


def test_damage_repeats() -> None:
    sources = [b"\xff\xfb\x90\x64" * 100, bytes(range(256))]
    files = [mutated(sources, seed=3, number=number) for number in range(200)]
    assert files == [mutated(sources, seed=3, number=number) for number in range(200)]
    assert len(set(files)) > 150
    assert files != [mutated(sources, seed=4, number=number) for number in range(200)]


def test_frames_are_found() -> None:
    for source in synthetic_sources():
        frames = frames_of(source)
        assert len(frames) > 10
        assert all(before.stop == after.start for before, after in pairwise(frames))
