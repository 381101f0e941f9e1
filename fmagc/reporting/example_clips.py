"""Take one clip of each genre from the cache, as waveform and as spectrogram, to be drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.cache.clip_positions import clip_table, with_labels
from fmagc.cache.reader import Cache
from fmagc.corpus.index import genres_of
from fmagc.params.signal import n_frames

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
    training = with_labels(split[split["set"] == "train"], mels.lengths, genres=genres_of(split))
    first = training.groupby("genre").head(1).sort_values("genre")
    clips = clip_table(first, clip_frames=frames, n_clips=1)
    examples = ExampleClips({}, {})
    for track_id, genre, start in clips[["track_id", "genre", "start"]].itertuples(index=False, name=None):
        wave = waves[track_id]
        samples = wave.values[start * hop_length : (start + frames) * hop_length]
        examples.waveforms[genre] = samples * np.float32(wave.columns["scale"])
        examples.spectrograms[genre] = mels[track_id].values[start : start + frames].T.astype(np.float32)
    return examples
