"""Predict genres with a trained model: a file or samples in, probabilities out."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fmagc.cache.clip_starts import evenly_spaced
from fmagc.errors import Reason, RejectedTrack, name_track, require_at_least
from fmagc.inference.excerpts import Excerpt, ExcerptReader
from fmagc.inference.model import Model
from fmagc.params.signal import Fallback, n_frames, require_known
from fmagc.tasks.task import TaskName

if TYPE_CHECKING:
    import torch

__all__ = ["Prediction", "Predictor"]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The probabilities of genres along a recording.

    Attributes
    ----------
    genres : tuple of str
        In the order of the columns, K of them.
    clips : np.ndarray [shape=(N, K), float64]
        Probabilities of each clip. Where a track has one genre, those of a clip sum to 1; where it has several, each
        genre has a probability of its own.
    starts_s : np.ndarray [shape=(N,), float64, seconds]
        Where the clips begin in the recording.
    seconds : float
        Length of the recording.
    silent : bool
        True when no sample is above the decoder's rounding: a network gives genres to silence too, and they mean
        nothing.

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
    silent: bool

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """Average the clips' probabilities [shape=(K,)]."""
        mean: NDArray[np.float64] = self.clips.mean(axis=0)
        return mean

    def top(self, n: int = 3) -> list[tuple[str, float]]:
        """List the n most probable genres with their probabilities, the best first, equals in the order of `genres`."""
        require_at_least(1, n=n)
        p = self.probabilities
        return [(self.genres[place], float(p[place])) for place in (-p).argsort(kind="stable")[:n]]

    def __repr__(self) -> str:
        best = ", ".join(f"{genre} {p:.2f}" for genre, p in self.top())
        return f"Prediction({best}; {len(self.clips)} clips of {self.seconds:.1f} s)"


class Predictor:
    """A trained model that predicts the genres of recordings; its folder, or its file, is all that it needs.

    It computes in float32, whatever the precision of its training was.

    Parameters
    ----------
    model : path-like
        A folder as the stage train leaves it, data/models/<protocol>/<model>/<seed>, or a copy; or an ONNX file that
        ``fmagc export`` wrote, whose name ends in .onnx. A file is run by onnxruntime on the CPU, without torch.
    n_clips : int > 0, optional
        Evenly spaced clips of a recording, or of each excerpt of one longer than audio.max_seconds of the training.
        When None, a model of patches covers it with them, and another model takes as many clips as cover an excerpt of
        full length.
    fallback : str
        ``none``, or ``ffmpeg`` for files whose format libsndfile does not know.

    Attributes
    ----------
    task : TaskName
        ``single``, for one genre a track, or ``multi``, for several.
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
        When the folder lacks a file, is damaged, or was written by another version; when the file is missing, damaged,
        foreign or of a newer version, or onnxruntime is not installed.
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

    def __init__(self, model: str | PathLike[str], *, n_clips: int | None = None, fallback: Fallback = "none") -> None:
        require_known(fallback=fallback)
        if n_clips is not None:
            require_at_least(1, n_clips=n_clips)
        self._model = _opened(Path(model))
        facts = self._model.facts
        self.task: TaskName = facts.task.name
        self.genres: tuple[str, ...] = facts.genres
        self.sample_rate = facts.waveform.sample_rate
        self.clip_seconds = facts.clip_samples / self.sample_rate
        self.reader = ExcerptReader(
            views=facts.views,
            waveform=facts.waveform,
            mel=facts.mel,
            min_samples=facts.clip_samples,
            fallback=fallback,
        )
        self._n_clips = n_clips or facts.n_clips

    def __repr__(self) -> str:
        return (
            f"Predictor({self._model.facts.name}: {len(self.genres)} genres, clips of {self.clip_seconds:.2f} s "
            f"at {self.sample_rate} Hz)"
        )

    def predict(
        self, recording: "str | PathLike[str] | NDArray[Any] | torch.Tensor", *, sr: int | None = None
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
        if "torch" in sys.modules:  # who has a tensor has imported it
            from torch import Tensor

            if isinstance(recording, Tensor):
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
        facts = self._model.facts
        hop, frames = facts.mel.hop_length, n_frames(facts.clip_samples, hop_length=facts.mel.hop_length)
        starts = [
            evenly_spaced(n_frames(excerpt.n_samples, hop_length=hop), clip_frames=frames, n_clips=self._n_clips)
            for excerpt in excerpts
        ]
        p = np.concatenate([self._model(excerpt, own) for excerpt, own in zip(excerpts, starts, strict=True)])
        n_bad = int((~np.isfinite(p)).any(axis=1).sum())
        if n_bad:
            raise RejectedTrack(Reason.NON_FINITE, f"the probabilities of {n_bad} of {len(p)} clips are not finite")
        starts_s = [
            excerpt.start_s + start * hop / self.sample_rate
            for excerpt, own in zip(excerpts, starts, strict=True)
            for start in own
        ]
        silent = all(excerpt.silent for excerpt in excerpts)
        return Prediction(self.genres, p, np.array(starts_s), excerpts[0].file_s, silent)


def _opened(model: Path) -> Model:
    """Import only what runs this model."""
    if model.suffix.lower() == ".onnx":
        from fmagc.inference.onnx_model import OnnxModel

        return OnnxModel(model)
    from fmagc.inference.torch_model import TorchModel

    return TorchModel(model)
