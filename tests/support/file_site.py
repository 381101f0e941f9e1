"""One file on a server on loopback, fetched whole or refused."""

from pathlib import Path

import numpy as np
import pytest

from fmagc.corpus.fma.download import download
from fmagc.errors import DataError
from tests.support.fma_site import Site, sha1_of

DATA = np.random.default_rng(0).bytes(3_000_000)
OTHER = np.random.default_rng(1).bytes(3_000_000)
NAME = "file.zip"


def fetch(site: Site, folder: Path, *, expected: bytes = DATA) -> Path:
    """Fetch the file, and assert that it is whole and alone."""
    download(f"{site.url}/{NAME}", folder / NAME, sha1=sha1_of(expected), n_bytes=len(DATA), room=1.0)
    assert [path.name for path in folder.iterdir()] == [NAME], "nothing is left of the part"
    assert (folder / NAME).read_bytes() == expected
    return folder / NAME


def refusal(site: Site, folder: Path) -> str:
    """Fetch what must be refused: the message, which names the address and no Python object."""
    with pytest.raises(DataError) as caught:
        fetch(site, folder)
    assert not (folder / NAME).exists()
    for word in ("None", "object at 0x", "Errno", "HTTPConnection"):
        assert word not in str(caught.value)
    return str(caught.value)


def part(folder: Path) -> bytes:
    """Read what has come so far."""
    return (folder / f"{NAME}.part").read_bytes()


def starts(site: Site) -> list[int]:
    """List the places from which the rest was asked for; 0 for all of the file."""
    return [int(asked.removeprefix("bytes=").removesuffix("-") or 0) for _, asked in site.asked]
