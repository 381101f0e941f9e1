"""The functions behind the public names of `fmagc`; the stages use the same ones below them."""

from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fmagc.audio.decode import decode as decode_track
from fmagc.audio.log_mel import LogMel
from fmagc.audio.quantise import most_samples
from fmagc.cache.feature_cache import FeatureCache
from fmagc.errors import SettingsError, name_track, require_at_least
from fmagc.params.base import validated
from fmagc.params.signal import Decoder, Fallback, Mel, Waveform, require_known

if TYPE_CHECKING:
    from fmagc.inference.predictor import Predictor

__all__ = ["decode", "load_model", "log_mel", "open_cache"]


def decode(
    path: str | PathLike[str],
    *,
    sample_rate: int = 44_100,
    max_seconds: float = 30.0,
    min_samples: int = 1,
    decoder: Decoder = "soundfile",
    fallback: Fallback = "none",
) -> tuple[NDArray[np.float32], int]:
    """Decode an audio file to mono at one sample rate: the same samples that the cache holds.

    The file is verified: what its frames or its header promise is there, and every sample is finite. A longer file
    gives its middle. Call this from one thread of a process only: it diverts what the C library writes to stderr.

    Parameters
    ----------
    path : path-like
        An MP3, or whatever libsndfile reads.
    sample_rate : int [Hz]
        From 8,000 to 192,000; a file of another rate is resampled to it.
    max_seconds : float > 0 [s]
    min_samples : int [samples]
        A shorter result is rejected. The pipeline requires one clip, ``clip.samples``.
    decoder : str
        ``mpg123`` decodes MP3s with an installed libmpg123, as a cache of ``audio.decoder: mpg123`` does; the samples
        differ by one step at most.
    fallback : str
        ``ffmpeg`` reads formats that libsndfile does not read, such as M4A, WMA and WavPack, with an installed ffmpeg.

    Returns
    -------
    y : np.ndarray [shape=(n,), float32]
        The mean of the channels; full scale is 1. In steps of 1/32767 of the peak, as the cache stores it.
    sr : int [Hz]
        `sample_rate`.

    Raises
    ------
    RejectedTrack
        With its `Reason`, and in its detail what was measured or what the decoder said.
    SettingsError
        When a setting is out of range, or libmpg123 is wanted and not installed.
    ValueError
        When `min_samples` is below 1, `decoder` is neither ``soundfile`` nor ``mpg123``, or `fallback` neither ``none``
        nor ``ffmpeg``.

    Examples
    --------
    >>> import fmagc
    >>> y, sr = fmagc.decode("song.mp3")
    >>> y.dtype, y.ndim, sr
    (dtype('float32'), 1, 44100)
    """
    settings = validated(Waveform, "fmagc.decode", sample_rate=sample_rate, max_seconds=max_seconds)
    require_at_least(1, min_samples=min_samples)
    require_known(decoder=decoder, fallback=fallback)
    out = np.empty(most_samples(settings), dtype=np.int16)
    with name_track(Path(path)):
        track = decode_track(
            Path(path),
            expected_sha1=None,
            listed_sha1="",
            settings=settings,
            min_samples=min_samples,
            out=out,
            decoder=decoder,
            fallback=fallback,
        )
    return track.samples * np.float32(track.scale), sample_rate


def log_mel(
    y: NDArray[np.float32],
    *,
    sr: int,
    n_fft: int = 4096,
    hop_length: int = 1024,
    n_mels: int = 128,
    fmin: float = 0.0,
    fmax: float | None = None,
    top_db: float = 80.0,
) -> NDArray[np.float32]:
    """Compute the log-mel spectrogram of a waveform, time first, as the cache holds it.

    Within 1e-3 dB it is ``librosa.power_to_db(librosa.feature.melspectrogram(...), ref=np.max)``, transposed and
    without its last frame: frame f stands for the samples from ``f * hop_length``.

    Parameters
    ----------
    y : np.ndarray [shape=(n,), float32]
        Finite, at least one hop long.
    sr : int [Hz]
    n_fft : int [samples]
        A power of two from 64.
    hop_length : int > 0 [samples]
    n_mels : int > 0
    fmin, fmax : float [Hz]
        Ends of the bands; half the sample rate when `fmax` is None.
    top_db : float > 0 [dB]
        Depth of the floor below the maximum.

    Returns
    -------
    S_db : np.ndarray [shape=(n // hop_length, n_mels), float32, dB]
        From ``-top_db`` to 0, relative to its maximum. librosa's orientation is ``S_db.T``.

    Raises
    ------
    ValueError
        When `y` or `sr` is not as described above.
    SettingsError
        When a setting is out of range.

    Examples
    --------
    >>> import fmagc
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 440 * np.arange(44_100, dtype=np.float32) / 44_100)
    >>> S_db = fmagc.log_mel(y, sr=44_100)
    >>> S_db.shape, float(S_db.max())
    ((43, 128), 0.0)
    """
    settings = validated(
        Mel, "fmagc.log_mel", n_fft=n_fft, hop_length=hop_length, n_mels=n_mels, fmin=fmin, fmax=fmax, top_db=top_db
    )
    require_at_least(1, sr=sr)
    if not fmin < (sr / 2 if fmax is None else fmax) <= sr / 2:
        raise SettingsError(
            f"fmagc.log_mel: fmin, fmax: expected fmin below fmax, and fmax at most half of sr ({sr / 2:g} Hz), found "
            f"{fmin} and {fmax}"
        )
    y = np.asarray(y)
    if y.ndim != 1 or not np.issubdtype(y.dtype, np.floating):
        raise ValueError(f"log_mel: expected y of shape (n,) and a floating type, found {y.shape}, {y.dtype}")
    if len(y) < hop_length:
        raise ValueError(f"log_mel: expected y of at least one hop, {hop_length} samples, found {len(y)}")
    if not (finite := np.isfinite(y)).all():
        raise ValueError(f"log_mel: expected finite samples, found {len(y) - finite.sum()} NaN or infinite of {len(y)}")
    S_db, _ = _transform(sr, settings)(y.astype(np.float32, copy=False))
    return S_db


def open_cache(folder: str | PathLike[str] = "data") -> FeatureCache:
    """Open the cache that the pipeline made: waveforms, spectrograms and tables of its tracks.

    Parameters
    ----------
    folder : path-like
        The pipeline's folder ``data`` or a copy; its ``index``, ``waves``, ``mels`` and ``stats`` are read.

    Returns
    -------
    FeatureCache
        A mapping of track ids to tracks, with the tables ``tracks`` and ``rejected``.

    Raises
    ------
    DataError
        When a part is missing or damaged.

    Examples
    --------
    >>> import fmagc
    >>> cache = fmagc.open_cache("data")
    >>> track = cache[min(cache)]
    >>> y, sr = track.waveform()
    >>> S_db = track.log_mel()
    >>> y.dtype, S_db.dtype, len(cache) == len(cache.tracks)
    (dtype('float32'), dtype('float32'), True)
    """
    return FeatureCache(folder)


def load_model(model: str | PathLike[str], *, n_clips: int | None = None, fallback: Fallback = "none") -> "Predictor":
    """Load a trained network that predicts the genre of audio files.

    Parameters
    ----------
    model : path-like
        ``data/models/<protocol>/<model>/<seed>`` of a finished run, or a copy of it; or an ONNX file that
        ``fmagc export`` wrote, which needs onnxruntime and no torch.
    n_clips : int > 0, optional
        Evenly spaced clips of a recording, or of each excerpt of a long one; as many as cover it when None.
    fallback : str
        As for `decode`.

    Returns
    -------
    Predictor

    Raises
    ------
    DataError
        When the folder or the file is missing, damaged, or was written by another version, or onnxruntime is not
        installed for a file.
    ValueError
        When `n_clips` is not a positive integer, or `fallback` is neither ``none`` nor ``ffmpeg``.

    Examples
    --------
    >>> import fmagc
    >>> model = fmagc.load_model("data/models/official/crnn/0")
    >>> prediction = model.predict("song.mp3")
    >>> genre, p = prediction.top(1)[0]
    >>> genre in model.genres, p == float(prediction.probabilities.max())
    (True, True)
    """
    from fmagc.inference.predictor import Predictor  # the other names need nothing of it

    return Predictor(model, n_clips=n_clips, fallback=fallback)


@lru_cache
def _transform(sr: int, settings: Mel) -> LogMel:
    return LogMel(sr, settings)
