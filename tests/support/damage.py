"""Damage done to finished files."""

import random
from pathlib import Path


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Flip one bit."""
    place = rng.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]


def put(path: Path, data: bytes) -> None:
    """Put other bytes under a name, and leave the file alone that other names share with it."""
    path.unlink(missing_ok=True)
    path.write_bytes(data)
