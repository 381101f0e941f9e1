"""An encoder as the pipeline calls it: windows in, a vector for each out, whatever shapes its file takes and gives."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fmagc.embeddings.runtimes import Execute
from fmagc.errors import SettingsError
from fmagc.runtime.onnx_session import message_of

__all__ = ["FrozenEncoder"]

Windows = NDArray[np.float32]
Vectors = NDArray[np.float32]

_ALIKE = 1e-3  # of the largest value: what two orders of summation may differ by, and no change of content


@dataclass(frozen=True)
class _Shape:
    """A shape in which windows can be handed over.

    Attributes
    ----------
    axes : str
        As a message names it.
    whole_batches : bool
        Whether it holds many windows, or one.
    channel : bool
        Whether there is an axis of one channel behind that of the batch.
    batch : bool
        Whether there is an axis for the batch.
    """

    axes: str
    whole_batches: bool
    channel: bool = False
    batch: bool = True

    def lay_out(self, windows: Windows) -> Windows:
        laid = windows[:, None] if self.channel else windows
        return np.ascontiguousarray(laid if self.batch else laid[0])

    def vectors(self, given: NDArray[np.float32], n_windows: int) -> Vectors:
        """Take the mean over time where there is one, (B, T, D) or (B, D) to (B, D)."""
        given = given if self.batch or given.shape[:1] == (1,) else given[None]
        if given.ndim not in (2, 3) or given.shape[0] != n_windows or 0 in given.shape:
            raise ValueError(f"expected ({n_windows}, D) or ({n_windows}, T, D), found {given.shape}")
        return given.mean(axis=1, dtype=np.float64).astype(np.float32) if given.ndim == 3 else given


_SHAPES = (
    _Shape("(B, ...)", whole_batches=True),
    _Shape("(B, 1, ...)", whole_batches=True, channel=True),
    _Shape("(1, ...)", whole_batches=False),
    _Shape("(1, 1, ...)", whole_batches=False, channel=True),
    _Shape("(...)", whole_batches=False, batch=False),
)


class FrozenEncoder:
    """A loaded encoder.

    The shape of its input is found by trial: the first of (B, ...), (B, 1, ...), (1, ...), (1, 1, ...) and (...), where
    ... is a window, in which two windows give two vectors, and each window the same vector in a batch and alone.

    Parameters
    ----------
    name : str
        Its key in ``encoders``.
    execute : callable
        As `runtimes.load_encoder` gives it.
    window : tuple of int
        Shape of a window: (samples,) or (frames, bands).
    batch_size : int
        Windows in a batch, at most.

    Attributes
    ----------
    n_values : int
        Of a vector.

    Raises
    ------
    SettingsError
        When no shape works, a vector depends on the rest of its batch, or values are not finite.
    """

    def __init__(self, name: str, execute: Execute, *, window: tuple[int, ...], batch_size: int) -> None:
        self._name, self._execute, self._batch_size = name, execute, batch_size
        trial = np.random.default_rng(0).uniform(-0.1, 0.1, (2, *window)).astype(np.float32)
        self._shape = self._found_shape(trial)
        together, alone = self(trial), np.concatenate([self(trial[:1]), self(trial[1:])])
        if not np.isfinite(together).all():
            raise SettingsError(
                f"encoders.{name}: expected finite vectors of noise, found NaN or infinity: mend the export"
            )
        largest = float(np.abs(together).max())
        if not np.allclose(together, alone, rtol=0, atol=_ALIKE * largest):
            apart = float(np.abs(together - alone).max())
            raise SettingsError(
                f"encoders.{name}: expected the same vector of a window at every call and in every batch, found a "
                f"difference of {apart:.3g} where the largest value is {largest:.3g}: export the module in eval mode, "
                "without dropout and without statistics of the batch"
            )
        self.n_values = together.shape[1]

    def __call__(self, windows: Windows) -> Vectors:
        """Encode windows.

        Parameters
        ----------
        windows : np.ndarray [shape=(N, samples) or (N, frames, bands), float32]

        Returns
        -------
        np.ndarray [shape=(N, D), float32]

        Raises
        ------
        ValueError
            When the encoder gives another shape. What its runtime raises passes through.
        """
        return np.concatenate(list(self._batches(windows, self._shape)))

    def _batches(self, windows: Windows, shape: _Shape) -> Iterator[Vectors]:
        size = self._batch_size if shape.whole_batches else 1
        for first in range(0, len(windows), size):
            batch = windows[first : first + size]
            yield shape.vectors(self._execute(shape.lay_out(batch)), len(batch))

    def _found_shape(self, trial: Windows) -> _Shape:
        refusals = []
        for shape in _SHAPES:
            for n_windows in (2, 1) if shape.whole_batches else (1,):  # the last batch of a track may have one
                laid = shape.lay_out(trial[:n_windows])
                try:
                    shape.vectors(self._execute(laid), n_windows)
                except Exception as error:  # whatever the file's operations raise on a shape that they do not take
                    refusals.append(f"\n  {shape.axes}, here {laid.shape}: {message_of(error)}")
                    break
            else:
                return shape
        raise SettingsError(
            f"encoders.{self._name}: expected an encoder of windows {trial.shape[1:]} (seconds x sample_rate samples, "
            "or frames and bands of the mel), found that it takes no shape in which they can be handed over: "
            f"{''.join(refusals)}\nExport a module that takes (B, ...) and returns (B, D) or (B, T, D)."
        )
