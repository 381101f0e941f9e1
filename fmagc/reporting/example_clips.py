"""Take one clip of each genre from the cache, as waveform and as spectrogram, to be drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.cache.clip_positions import clip_table, with_labels
from fmagc.cache.reader import Cache
from fmagc.params.signal import n_frames
from fmagc.tasks.task import labels_of

__all__ = ["ExampleClips", "read_examples"]


@dataclass(frozen=True)
class ExampleClips:
    """A clip of each genre, by genre.

    Attributes
    ----------
    waveforms : dict of str to np.ndarray [shape=(n_samples,), float32]
        Full scale is 1.
    spectrograms : dict of str to np.ndarray [shape=(n_mels, n_frames), float32]
        In dB, relative to the track's maximum.
    """

    waveforms: dict[str, npt.NDArray[np.float32]]
    spectrograms: dict[str, npt.NDArray[np.float32]]


def read_examples(split: pd.DataFrame, *, waves: Cache, mels: Cache) -> ExampleClips:
    """Read the middle clip of the first training track of each genre.

    Parameters
    ----------
    split : pd.DataFrame
        As `corpus.index.read_split` gives it.
    waves : Cache
        With the column ``scale``.
    mels : Cache
        Of the same tracks.
    """
    hop_length = mels.params["mel"]["hop_length"]
    frames = n_frames(waves.params["clip"]["samples"], hop_length=hop_length)
    labels = labels_of(split)
    training = with_labels(split[split["set"] == "train"], mels.lengths, labels=labels)
    members = labels.members[training["label"]]  # (N, K)
    drawn = {genre: int(members[:, k].argmax()) for k, genre in enumerate(labels.genres) if members[:, k].any()}
    clips = clip_table(training.iloc[list(drawn.values())], clip_frames=frames, n_clips=1)
    examples = ExampleClips({}, {})
    for genre, track_id, start in zip(drawn, clips["track_id"], clips["start"], strict=True):
        wave = waves[track_id]
        samples = wave.values[start * hop_length : (start + frames) * hop_length]
        examples.waveforms[genre] = samples * np.float32(wave.columns["scale"])
        examples.spectrograms[genre] = mels[track_id].values[start : start + frames].T.astype(np.float32)
    return examples
