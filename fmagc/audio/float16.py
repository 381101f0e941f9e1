"""Round float32 to float16 with vectors, to the bits of NumPy, which converts one number after the other."""

import numpy as np
from numpy.typing import NDArray

from fmagc.runtime.compiled import compiled

__all__ = ["to_float16"]

# Bits of float32
_SIZE = 0x7FFFFFFF  # all but the sign
_INFINITY = 255 << 23
_OVERFLOW = (127 + 16) << 23  # 2**16
_NORMAL = (127 - 14) << 23  # 2**-14; float16 has a fixed spacing below, 2**-24, which is that of float32 from 0.5 to 1
_HALF = 126 << 23  # 0.5
_REBIAS = ((127 - 15) << 23) - 0xFFF  # by what exponents differ, less what rounds up all but ties

# and of float16
_SIGN_16 = 0x8000
_INFINITY_16 = 31 << 10
_MANTISSA_16 = 0x3FF


def to_float16(x: NDArray[np.float32]) -> NDArray[np.float16]:
    """Round to the nearest float16, ties to even; the bits are those of ``x.astype(np.float16)``, NaN included.

    Parameters
    ----------
    x : np.ndarray of float32

    Returns
    -------
    np.ndarray of float16, of the same shape
    """
    out = np.empty(x.shape, dtype=np.float16)
    values = np.ascontiguousarray(x).reshape(-1)
    _round(values, values.view(np.uint32), out.view(np.uint16).reshape(-1))
    return out


@compiled()
def _round(x, bits, out):  # type: ignore[no-untyped-def]
    """Compute every case of each number and choose one: what has no branches, vectors can do."""
    for i in range(x.size):
        size = bits[i] & _SIZE
        normal = (size - _REBIAS + ((size >> 13) & 1)) >> 13
        subnormal = np.float32(abs(x[i]) + np.float32(0.5)).view(np.uint32) - _HALF
        nan = max(_INFINITY_16 + ((size >> 13) & _MANTISSA_16), _INFINITY_16 + 1)
        half = normal if size >= _NORMAL else subnormal
        half = _INFINITY_16 if size >= _OVERFLOW else half
        half = nan if size > _INFINITY else half
        out[i] = half | (bits[i] >> 16 & _SIGN_16)
