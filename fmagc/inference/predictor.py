"""Predict genres with a trained model: a file or samples in, probabilities out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fmagc.cache.clip_starts import evenly_spaced
from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.device import prepare
from fmagc.errors import DataError, Reason, RejectedTrack, format_list, name_track, require_at_least
from fmagc.inference.excerpts import Excerpt, ExcerptReader
from fmagc.inference.forward import probabilities
from fmagc.models.pretrained import load_trained, normalisation_of
from fmagc.params.signal import Fallback, Mel, Waveform, n_frames, require_known
from fmagc.paths import CARD, MODELS_FOLDER, WEIGHTS
from fmagc.runtime.worker_pool import usable_cores

__all__ = ["Prediction", "Predictor"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The probabilities of genres along a recording.

    Attributes
    ----------
    genres : tuple of str
        In the order of the columns, K of them.
    clips : np.ndarray [shape=(N, K), float64]
        Probabilities of each clip.
    starts_s : np.ndarray [shape=(N,), float64, seconds]
        Where the clips begin in the recording.
    seconds : float
        Length of the recording.

    Examples
    --------
    >>> import fmagc
    >>> prediction = fmagc.load_model("data/models/official/crnn/0").predict("song.mp3")
    >>> prediction.clips.shape == (len(prediction.starts_s), len(prediction.genres))
    True
    >>> round(sum(p for genre, p in prediction.top(len(prediction.genres))), 6)
    1.0
    """

    genres: tuple[str, ...]
    clips: NDArray[np.float64]
    starts_s: NDArray[np.float64]
    seconds: float

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Average the clips' probabilities [shape=(K,)]."""
        mean: NDArray[np.float64] = self.clips.mean(axis=0)
        return mean

    def top(self, n: int = 3) -> list[tuple[str, float]]:
        """List the n most probable genres with their probabilities, the best first."""
        require_at_least(1, n=n)
        p = self.probabilities
        return [(self.genres[place], float(p[place])) for place in p.argsort(kind="stable")[::-1][:n]]

    def __repr__(self) -> str:
        best = ", ".join(f"{genre} {p:.2f}" for genre, p in self.top())
        return f"Prediction({best}; {len(self.clips)} clips of {self.seconds:.1f} s)"


class Predictor:
    """A trained model that predicts the genres of recordings; its folder is all that it needs.

    Parameters
    ----------
    folder : path-like
        As the stage train leaves it, data/models/<protocol>/<model>/<seed>, or a copy.
    n_clips : int > 0, optional
        Evenly spaced clips of a recording, or of each excerpt of one longer than audio.max_seconds of the training.
        When None, a model of patches covers it with them, and another model takes as many clips as cover an excerpt of
        full length.
    fallback : str
        ``none``, or ``ffmpeg`` for files whose format libsndfile does not know.

    Attributes
    ----------
    genres : tuple of str
        In the order of the probabilities.
    sample_rate : int [Hz]
        Of the waveforms that the model was trained on; others are resampled.
    clip_seconds : float
        Length of what the model sees at a time, a clip or a patch.
    reader : ExcerptReader
        Decodes a file to what the model reads of it.

    Raises
    ------
    DataError
        When the folder lacks a file, is damaged, or was written by another version.
    ValueError
        When `n_clips` is not a positive integer, or `fallback` is neither ``none`` nor ``ffmpeg``.

    Examples
    --------
    >>> import fmagc
    >>> y, sr = fmagc.decode("song.mp3")
    >>> model = fmagc.load_model("data/models/official/crnn/0")
    >>> of_samples, of_file = model.predict(y, sr=sr), model.predict("song.mp3")
    >>> of_samples.seconds == len(y) / sr, of_samples.genres == of_file.genres
    (True, True)
    """

    def __init__(self, folder: str | PathLike[str], *, n_clips: int | None = None, fallback: Fallback = "none") -> None:
        require_known(fallback=fallback)
        if n_clips is not None:
            require_at_least(1, n_clips=n_clips)
        folder = Path(folder)
        self._model, card = _loaded(folder)
        self.genres: tuple[str, ...] = tuple(card["genres"])
        waveform = Waveform.model_validate(card["waveform"])
        self._mel = Mel.model_validate(card["mel"])
        self._clip_samples: int = card["architecture"]["clip_samples"]
        self._builder = BatchBuilder(normalisation_of(card))
        self._batch_size: int = card["train"]["batch_size"]
        self._name: str = card["architecture"]["name"]
        self.sample_rate = waveform.sample_rate
        self.clip_seconds = self._clip_samples / self.sample_rate
        self.reader = ExcerptReader(
            views=self._builder.views,
            waveform=waveform,
            mel=self._mel,
            min_samples=self._clip_samples,
            fallback=fallback,
        )
        full = -(-round(waveform.max_seconds * self.sample_rate) // self._clip_samples)
        self._n_clips = n_clips or (None if card["train"]["patch_samples"] else full)
        self._hardware = prepare(card["precision"], threads=usable_cores(), seed=card["seed"])

    def __repr__(self) -> str:
        return (
            f"Predictor({self._name}: {len(self.genres)} genres, clips of {self.clip_seconds:.2f} s "
            f"at {self.sample_rate} Hz)"
        )

    def predict(
        self, recording: str | PathLike[str] | NDArray[Any] | torch.Tensor, *, sr: int | None = None
    ) -> Prediction:
        """Predict the genres of a file or of samples.

        Parameters
        ----------
        recording : path-like, or np.ndarray or Tensor [shape=(n,), float]
            A file that libsndfile reads, decoded in this process, or mono samples whose full scale is 1.
        sr : int > 0 [Hz], optional
            Sample rate of an array; that of training when None. A file has its own.

        Returns
        -------
        Prediction

        Raises
        ------
        RejectedTrack
            When the recording cannot be decoded, is damaged, or is shorter than `clip_seconds`.
        ValueError
            When an array is not one-dimensional or not of floats, or its rate is not a positive integer.
        TypeError
            When the recording is neither a path nor an array.
        """
        if isinstance(recording, torch.Tensor):
            recording = recording.numpy(force=True)
        if isinstance(recording, np.ndarray):
            sr = self.sample_rate if sr is None else sr
            require_at_least(1, sr=sr)
            return self.predict_excerpts(self.reader.from_array(recording, sr=sr))
        if not isinstance(recording, str | PathLike):
            raise TypeError(f"recording: expected a path, an array or a tensor, found {type(recording).__name__}")
        with name_track(Path(recording)):
            excerpts = self.reader(Path(recording))
        return self.predict_excerpts(excerpts)

    def predict_excerpts(self, excerpts: Sequence[Excerpt]) -> Prediction:
        """Predict the genres of one recording from the excerpts that `reader` gave of it.

        Raises
        ------
        RejectedTrack
            When a probability is not finite.
        """
        hop, frames = self._mel.hop_length, n_frames(self._clip_samples, hop_length=self._mel.hop_length)
        clips = [
            (excerpt, start)
            for excerpt in excerpts
            for start in evenly_spaced(
                n_frames(excerpt.n_samples, hop_length=hop), clip_frames=frames, n_clips=self._n_clips
            )
        ]
        with tqdm(disable=True) as silent:
            p = probabilities(self._model, self._batches(clips), hardware=self._hardware, progress=silent)
        n_bad = int((~np.isfinite(p)).any(axis=1).sum())
        if n_bad:
            raise RejectedTrack(Reason.NON_FINITE, f"the probabilities of {n_bad} of {len(p)} clips are not finite")
        starts = [excerpt.start_s + start * hop / self.sample_rate for excerpt, start in clips]
        return Prediction(self.genres, p, np.array(starts), excerpts[0].file_s)

    def _batches(self, clips: list[tuple[Excerpt, int]]) -> Iterator[Batch]:
        hop, size = self._mel.hop_length, self._batch_size
        for first in range(0, len(clips), size):
            some = clips[first : first + size]
            values = {}
            if "waveform" in self._builder.views:
                windows = [_window(e.samples, start * hop, self._clip_samples) for e, start in some]
                values["waveform"] = np.stack(windows)
            if "mel" in self._builder.views:
                frames = n_frames(self._clip_samples, hop_length=hop)
                values["mel"] = np.stack([_window(e.S_db, start, frames) for e, start in some])
            yield self._builder.build(values, track_ids=range(len(some)), gains=[e.scale for e, _ in some])


def _window(values: NDArray[Any] | None, start: int, length: int) -> NDArray[Any]:
    assert values is not None  # noqa: S101 - the reader has the views of this very model
    return values[start : start + length]


def _loaded(folder: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    missing = [name for name in (CARD, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        there = format_list(_models_near(folder)) or "none near it"
        raise DataError(
            f"{folder}: expected a trained model, the files {CARD} and {WEIGHTS}, found no {' and no '.join(missing)}: "
            f"name a folder {MODELS_FOLDER}/<protocol>/<model>/<seed> of a finished `dvc repro`, or a whole copy of "
            f"one; models found: {there}"
        )
    try:
        return load_trained(folder, stage="train")
    except DataError as error:
        raise DataError(f"{error}; if {folder} is a copy, copy the folder again") from None


def _models_near(folder: Path) -> list[str]:
    """Find the models for which a folder was meant that lacks its seed, or names another protocol or model."""
    for place in (folder, *folder.parents[:3]):
        found = [path.parent for levels in ("*", "*/*", "*/*/*") for path in place.glob(f"{levels}/{WEIGHTS}")]
        if models := sorted(str(model) for model in found if (model / CARD).is_file()):
            return models
    return []
