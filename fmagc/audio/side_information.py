"""Block types of layer III, read from the side information of its frames.

An encoder codes a granule of a channel as long blocks, as short ones, or as the start or the end of short ones. The two
channels of a frame choose alike as a rule, but may choose apart, as dual-channel files do.
Layout: ISO/IEC 11172-3 section 2.4.1.7 and 13818-3 section 2.4.1.7.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocks_differ"]

# Where window_switching_flag stands in the side information of two channels, in bits: left and right of each granule.
# Two bits of block_type and mixed_block_flag follow it.
_MPEG1 = np.array((53, 112, 171, 230))
_LOW_RATES = np.array((48, 111))  # MPEG-2 and 2.5 have one granule a frame
_AT_ONCE = 1 << 14  # frames, which bounds the memory


def blocks_differ(data: bytes, frames: NDArray[np.int64], *, mpeg1: bool) -> bool:
    """Check whether the two channels of any frame have different block types.

    Parameters
    ----------
    data : bytes
        A file.
    frames : np.ndarray [shape=(n,), int64, bytes]
        Where its whole frames begin, all of layer III and of two channels.
    mpeg1 : bool
        Whether they are of MPEG-1, with two granules each.
    """
    octets, flags = np.frombuffer(data, dtype=np.uint8), _MPEG1 if mpeg1 else _LOW_RATES
    for first in range(0, len(frames), _AT_ONCE):
        headers = frames[first : first + _AT_ONCE]
        has_checksum = octets[headers + 1] & 1 == 0
        places = (headers + 4 + 2 * has_checksum)[:, None] + (flags >> 3)
        fields = (octets[places].astype(np.uint16) << 8 | octets[places + 1]) >> (12 - (flags & 7)) & 15
        blocks = fields * (fields >> 3)  # 0 for long blocks, of which no more is said
        if (blocks[:, ::2] != blocks[:, 1::2]).any():
            return True
    return False
