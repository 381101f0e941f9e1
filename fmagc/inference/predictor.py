"""A trained model as a judge of files: patches of an excerpt in, probabilities of genres out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from fmagc.cache.clip_positions import evenly_spaced
from fmagc.dataset.batch import Batch, BatchBuilder
from fmagc.devices.device import prepare
from fmagc.errors import DataError, FmagcError
from fmagc.inference.excerpts import Excerpt
from fmagc.inference.forward import probabilities
from fmagc.models.pretrained import load_trained, normalisation_of
from fmagc.params.signal import Mel, Waveform, n_frames
from fmagc.paths import CARD, WEIGHTS
from fmagc.runtime.worker_pool import usable_cores

__all__ = ["Prediction", "Predictor"]


@dataclass(frozen=True)
class Prediction:
    """What a model says about a file.

    Attributes
    ----------
    seconds : float, s
        Of the file.
    starts : ndarray, shape (n_patches,), s
    p : ndarray of float64, shape (n_patches, n_genres)
        Probabilities of each patch.
    """

    seconds: float
    starts: NDArray[np.float64]
    p: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Probabilities of the file [shape=(n_genres,)]."""
        mean: NDArray[np.float64] = self.p.mean(axis=0)
        return mean


class Predictor:
    """A trained model, its folder all that it needs.

    Parameters
    ----------
    folder : Path
        As the stage train leaves it, or a copy.
    n_clips : int, optional
        Patches of an excerpt; as many as cover an excerpt of full length when None.

    Attributes
    ----------
    genres : list of str
    views : tuple of str
        What the network reads.
    waveform, mel : Waveform, Mel
        The signals that it was trained on.
    clip_samples : int
        Of a patch.

    Raises
    ------
    DataError
        When the folder lacks something, is damaged, or is of another version.
    """

    def __init__(self, folder: Path, *, n_clips: int | None = None) -> None:
        self._model, card = _loaded(folder)
        try:
            self.genres: list[str] = card["genres"]
            self.waveform = Waveform.model_validate(card["waveform"])
            self.mel = Mel.model_validate(card["mel"])
            self.clip_samples: int = card["architecture"]["clip_samples"]
            self._builder = BatchBuilder(normalisation_of(card))
            self._batch_size: int = card["train"]["batch_size"]
            precision, seed = card["precision"], card["seed"]
        except (KeyError, TypeError, ValueError) as error:
            raise _foreign(folder, error) from None
        self.views = self._builder.views
        self._n_clips = n_clips or -(-round(self.waveform.max_seconds * self.waveform.sample_rate) // self.clip_samples)
        self._hardware = prepare(precision, threads=usable_cores(), seed=seed)

    @property
    def clip_seconds(self) -> float:
        """Length of a patch, in seconds."""
        return self.clip_samples / self.waveform.sample_rate

    def __call__(self, excerpts: Sequence[Excerpt]) -> Prediction:
        """Judge the excerpts of one file."""
        hop, frames = self.mel.hop_length, n_frames(self.clip_samples, hop_length=self.mel.hop_length)
        patches = [
            (excerpt, start)
            for excerpt in excerpts
            for start in evenly_spaced(
                n_frames(excerpt.n_samples, hop_length=hop), clip_frames=frames, n_clips=self._n_clips
            )
        ]
        with tqdm(disable=True) as silent:
            p = probabilities(self._model, self._batches(patches), hardware=self._hardware, progress=silent)
        starts = [excerpt.start_s + start * hop / self.waveform.sample_rate for excerpt, start in patches]
        return Prediction(excerpts[0].file_s, np.array(starts), p)

    def _batches(self, patches: list[tuple[Excerpt, int]]) -> Iterator[Batch]:
        hop, size = self.mel.hop_length, self._batch_size
        for first in range(0, len(patches), size):
            some = patches[first : first + size]
            values = {}
            if "waveform" in self.views:
                windows = [_window(e.samples, start * hop, self.clip_samples) for e, start in some]
                values["waveform"] = np.stack(windows)
            if "mel" in self.views:
                frames = n_frames(self.clip_samples, hop_length=hop)
                values["mel"] = np.stack([_window(e.S_db, start, frames) for e, start in some])
            yield self._builder.build(values, track_ids=range(len(some)), gains=[e.scale for e, _ in some])


def _window(values: NDArray[Any] | None, start: int, length: int) -> NDArray[Any]:
    assert values is not None  # noqa: S101 - listening was told the views of this very model
    return values[start : start + length]


def _loaded(folder: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    missing = [name for name in (CARD, WEIGHTS) if not (folder / name).is_file()]
    if missing:
        raise DataError(
            f"{folder}: expected a trained model, the files {CARD} and {WEIGHTS}, found no {' and no '.join(missing)}: "
            "name a folder data/models/<protocol>/<model>/<seed> of a finished `dvc repro`, or a whole copy of one"
        )
    try:
        return load_trained(folder, stage="train")
    except (KeyError, TypeError) as error:
        raise _foreign(folder, error) from None
    except FmagcError as error:
        raise DataError(f"{error}; if {folder} is a copy, copy the folder again") from None


def _foreign(folder: Path, error: Exception) -> DataError:
    said = " ".join(str(error).split())
    return DataError(
        f"{folder / CARD}: expected the card of a model of this version, found another ({said}): "
        "use the version that trained it, or train it again"
    )
