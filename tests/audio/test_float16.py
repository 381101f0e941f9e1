"""Rounding to float16, bit for bit against NumPy's own."""

import numpy as np
import pytest
from numpy.typing import NDArray

from fmagc.audio.float16 import to_float16

ALL_FLOAT16 = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def bits(of: NDArray[np.float16]) -> NDArray[np.uint16]:
    return of.view(np.uint16)


def numpys(x: NDArray[np.float32]) -> NDArray[np.float16]:
    with np.errstate(over="ignore", under="ignore"):
        return x.astype(np.float16)


def neighbours(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """List numbers with the two before and behind each, by their bits."""
    steps = np.arange(-2, 3, dtype=np.int64)
    return (x.view(np.uint32)[:, np.newaxis] + steps).astype(np.uint32).view(np.float32).ravel()


def test_every_float16_comes_back() -> None:
    exact = ALL_FLOAT16.astype(np.float32)
    np.testing.assert_array_equal(bits(to_float16(exact)), bits(ALL_FLOAT16))


def test_every_tie_and_what_lies_next_to_it() -> None:
    finite = np.sort(ALL_FLOAT16[np.isfinite(ALL_FLOAT16)].astype(np.float32))
    ties = (finite[:-1].astype(np.float64) + finite[1:]) / 2  # exact in float32
    x = neighbours(np.concatenate([ties.astype(np.float32), finite]))
    np.testing.assert_array_equal(bits(to_float16(x)), bits(numpys(x)))


def test_every_exponent_with_chosen_and_random_mantissas() -> None:
    """Zeros of both signs, subnormals, overflow, infinity and NaN with their payloads are among them."""
    mantissas = np.random.default_rng(0).integers(0, 1 << 23, 2000)
    chosen = np.array([0, 1, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2000, 0x3000, 0x400000, 0x7FEFFF, 0x7FF000, 0x7FFFFF])
    x = (np.arange(1 << 9)[:, np.newaxis] << 23 | np.append(chosen, mantissas)).astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(bits(to_float16(x)), bits(numpys(x)))


@pytest.mark.parametrize("shape", [(0,), (1,), (7, 3), (4, 33)])
def test_shapes_and_strides_stay(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    for view in (x, x.T, x[::2]):
        rounded = to_float16(view)
        assert rounded.shape == view.shape
        np.testing.assert_array_equal(bits(rounded), bits(np.ascontiguousarray(numpys(view))))
