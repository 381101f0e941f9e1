"""The clips that are drawn: one of each genre, and of many genres those that most training tracks carry."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fmagc.cache.reader import Cache
from fmagc.reporting import example_clips
from fmagc.reporting.example_clips import read_examples
from tests.support.data_folder import CLIP_SAMPLES, MEL, SR, write_tracks


def test_examples_are_the_middle_of_the_first_training_track_of_the_commonest_genres(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    t = np.arange(90_000) / SR
    tones = {track_id: 0.3 * np.sin(2 * np.pi * 220 * track_id * t) for track_id in range(2, 7)}
    write_tracks(tmp_path, tones, sets=["train"] * len(tones), clip_samples=CLIP_SAMPLES)
    waves = Cache(tmp_path / "waves", "waves", columns=["scale"], stage="decode")
    mels = Cache(tmp_path / "mels", "mels", stage="mel")
    genres = ["Folk", "Folk;Rock", "Folk;Rock;Ska", "Rock;Ska", "Folk"]
    sets = ["test", "train", "train", "train", "train"]
    split = pd.DataFrame({"track_id": list(tones), "genres": genres, "artist_id": list(tones), "set": sets})
    examples = read_examples(split, waves=waves, mels=mels)
    assert list(examples.waveforms) == list(examples.spectrograms) == ["Folk", "Rock", "Ska"]
    for genre, track_id in (("Folk", 3), ("Rock", 3), ("Ska", 4)):
        y, start = examples.waveforms[genre], (len(t) - CLIP_SAMPLES) // 2 // MEL.hop_length * MEL.hop_length
        np.testing.assert_allclose(y, tones[track_id][start : start + len(y)], atol=1e-4)
        assert examples.spectrograms[genre].shape == (MEL.n_mels, CLIP_SAMPLES // MEL.hop_length)
    monkeypatch.setattr(example_clips, "_GENRES", 2)
    assert list(read_examples(split, waves=waves, mels=mels).waveforms) == ["Folk", "Rock"]
