"""The model of an exported ONNX file, run by onnxruntime; nothing here needs torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fmagc.errors import DataError
from fmagc.inference.excerpts import Excerpt
from fmagc.inference.model import ModelFacts
from fmagc.inference.onnx_record import OnnxRecord, read_record
from fmagc.params.signal import Mel, Waveform
from fmagc.runtime.onnx_session import INSTALL, is_installed, open_session
from fmagc.runtime.worker_pool import usable_cores
from fmagc.tasks.task import TASKS

__all__ = ["OnnxModel"]


class OnnxModel:
    """A file that takes the samples of an excerpt: it makes the spectrogram itself.

    Parameters
    ----------
    path : Path
        As `fmagc export --onnx` wrote it.
    content : bytes, optional
        Of the file, where it is not on the disk yet.

    Attributes
    ----------
    record : OnnxRecord
    facts : ModelFacts

    Raises
    ------
    DataError
        When there is no such file, it is foreign, damaged or too new, or onnxruntime is not installed or refuses it.
    """

    def __init__(self, path: Path, *, content: bytes | None = None) -> None:
        content = _read(path) if content is None else content
        self.record: OnnxRecord = read_record(path, content)
        if not is_installed():
            raise DataError(f"{path}: expected onnxruntime to be installed, found it missing: {INSTALL}")
        try:
            self._session = open_session(content, threads=usable_cores())
        except ValueError as error:
            raise DataError(
                f"{path}: expected a model that onnxruntime can load, found that it cannot ({error}): {INSTALL} "
                "installs the version that fmagc is tested with"
            ) from None
        settings = self.record.model_dump()
        self.facts = ModelFacts(
            name=self.record.model,
            task=TASKS[self.record.task],
            genres=tuple(self.record.genres),
            waveform=Waveform(**{name: settings[name] for name in Waveform.model_fields}),
            mel=Mel(**{name: settings[name] for name in Mel.model_fields}),
            clip_samples=self.record.clip_samples,
            n_clips=self.record.n_clips,
            views=("waveform",),
        )

    def __call__(self, excerpt: Excerpt, starts: Sequence[int]) -> NDArray[np.float64]:
        """Compute probabilities [shape=(N, K)] of the clips that begin at these frames of an excerpt."""
        assert excerpt.samples is not None  # noqa: S101 - the reader has the views of this very model
        samples = excerpt.samples * np.float32(excerpt.scale)
        inputs = {"samples": samples, "starts": np.array(starts, dtype=np.int64)}
        (p,) = self._session.run(["probabilities"], inputs)
        return np.asarray(p, dtype=np.float64)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: expected an exported model, found no file: `fmagc export` writes one") from None
    except IsADirectoryError:
        raise DataError(f"{path}: expected a file, found a folder: a training's folder has no suffix .onnx") from None
