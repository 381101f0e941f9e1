"""Take one clip of each of the commonest genres from the cache, as waveform and as spectrogram, to be drawn."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from fmagc.cache.clip_positions import clip_table, with_labels
from fmagc.cache.reader import Cache
from fmagc.params.signal import n_frames
from fmagc.tasks.task import labels_of

__all__ = ["ExampleClips", "read_examples"]

_GENRES = 16  # at most; FMA has as many roots


@dataclass(frozen=True)
class ExampleClips:
    """A clip of each of some genres, by genre.

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
    """Read the middle clip of the first training track of each genre, or of the commonest where there are many.

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
    commonest = np.argsort(-members.sum(axis=0), kind="stable")[:_GENRES]
    drawn = {labels.genres[k]: int(members[:, k].argmax()) for k in sorted(commonest) if members[:, k].any()}
    tracks = training.iloc[list(drawn.values())].reset_index(drop=True)  # one track may show several genres
    clips = clip_table(tracks, clip_frames=frames, n_clips=1)
    examples = ExampleClips({}, {})
    for genre, track_id, start in zip(drawn, clips["track_id"], clips["start"], strict=True):
        wave = waves[track_id]
        samples = wave.values[start * hop_length : (start + frames) * hop_length]
        examples.waveforms[genre] = samples * np.float32(wave.columns["scale"])
        examples.spectrograms[genre] = mels[track_id].values[start : start + frames].T.astype(np.float32)
    return examples
