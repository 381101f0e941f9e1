"""Thousands of damaged MP3s through the real workers: ``python -m tests.faults.fuzz --count 3000``.

Every tenth file is sound. Whatever the decoder makes of the others, the parent lives, the ledger names every file, no
worker stays, the sound ones are accepted, and what is accepted is long enough and what another worker decodes as well.
"""

import argparse
import math
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from fmagc.audio.decode import decode
from fmagc.audio.quantise import most_samples
from fmagc.cache.build.waveforms import make_waves
from fmagc.cache.ledger import read_ledger
from fmagc.cache.reader import Cache
from fmagc.errors import Reason, RejectedTrack
from fmagc.params.signal import Audio, Clip, Decoder
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.entrypoint import log
from fmagc.runtime.files import digest, file_sha1
from fmagc.runtime.worker_pool import map_isolated
from tests.support.mutations import mutated, real_sources, synthetic_sources

AUDIO = Audio(
    sample_rate=44100,
    max_seconds=4.0,
    timeout_s=20.0,
    max_reject_fraction=1.0,
    ids_per_shard=500,
    decoder="soundfile",
    fallback="none",
)
CLIP = Clip(samples=2**15)
_SOUND = 10  # one file in so many is left as it is
_OF_THE_WORKER = (Reason.DECODER_CRASHED, Reason.DECODER_TIMEOUT, Reason.DECODER_OUT_OF_MEMORY)


@dataclass(frozen=True)
class Report:
    """The outcome of a run.

    Attributes
    ----------
    ledger : pd.DataFrame
    faults : list of str
        The promises that were broken, with the file to blame.
    seconds : float
        What the cache took to make.
    """

    ledger: pd.DataFrame
    faults: list[str]
    seconds: float

    def lines(self) -> list[str]:
        """Summarise, and name the files that cost a worker."""
        reasons = Counter(self.ledger["reason"].replace("", "accepted"))
        counts = ", ".join(f"{number} {reason}" for reason, number in reasons.most_common())
        speed = len(self.ledger) / self.seconds
        costly = self.ledger[self.ledger["reason"].isin(_OF_THE_WORKER)]
        named = [f"file {row.track_id}: {row.reason}: {row.detail}" for row in costly.itertuples()]
        return [f"{len(self.ledger)} files: {counts}; {self.seconds:.0f} s, {speed:.0f} tracks/s", *named, *self.faults]


def fuzz(
    folder: Path,
    *,
    sources: Sequence[bytes],
    count: int,
    seed: int,
    decoder: Decoder = "soundfile",
    only: int | None = None,
) -> Report:
    """Damage `count` files, decode all into a cache in an empty folder, and look whether every promise holds.

    Parameters
    ----------
    folder : Path
    sources : sequence of bytes
        Sound MP3s.
    count, seed : int
    decoder : str
        ``soundfile`` or ``mpg123``.
    only : int, optional
        The one file to try again.
    """
    raw, out = folder / "raw", folder / "waves"
    raw.mkdir()
    numbers = range(count + -(-count // (_SOUND - 1))) if only is None else sorted({0, only})
    rows = []
    for number in numbers:
        path = raw / f"{number}.mp3"
        sound = number % _SOUND == 0
        path.write_bytes(
            sources[number // _SOUND % len(sources)] if sound else mutated(sources, seed=seed, number=number)
        )
        rows.append({"track_id": number, "path": path.name, "sha1": file_sha1(path), "listed_sha1": ""})
    index = pd.DataFrame(rows)
    audio = AUDIO.model_copy(update={"decoder": decoder})
    started = time.monotonic()
    with ArtifactStore("decode", root=folder / "store") as store:
        make_waves(index, raw=raw, audio=audio, clip=CLIP, store=store, out=out)
    seconds = time.monotonic() - started
    faults = [f"{worker} is still there" for worker in multiprocessing.active_children()]
    ledger = read_ledger(out, requested=index["track_id"].tolist())
    return Report(ledger, faults + _faults(ledger, raw, out, decoder), seconds)


def _faults(ledger: pd.DataFrame, raw: Path, out: Path, decoder: Decoder) -> list[str]:
    cache = Cache(out, "waves", columns=["scale"], stage="decode")
    accepted = ledger.loc[ledger["status"] == "accepted", "track_id"].tolist()
    refused = ledger[(ledger["status"] == "rejected") & (ledger["track_id"] % _SOUND == 0)]
    faults = [f"file {row.track_id} is sound, but {row.reason}: {row.detail}" for row in refused.itertuples()]
    if accepted != cache.track_ids:
        faults.append("the ledger and the cache do not hold the same files")
    again = partial(_decoded_again, raw=raw, decoder=decoder)
    for outcome in map_isolated(again, cache.track_ids, timeout_s=AUDIO.timeout_s):
        row = cache[outcome.task]
        here = (len(row.values), row.columns["scale"], digest(np.ascontiguousarray(row.values).data))
        if here != outcome.result:
            detail = outcome.result.detail if isinstance(outcome.result, RejectedTrack) else "other samples"
            faults.append(f"file {outcome.task}: another worker decoded something else: {detail}")
        if len(row.values) < CLIP.samples or not 0 < row.columns["scale"] < math.inf:
            faults.append(f"file {outcome.task}: {len(row.values)} samples, scale {row.columns['scale']}")
    return faults


def _decoded_again(number: int, *, raw: Path, decoder: Decoder) -> tuple[int, float, str]:
    """Run in a worker: decode an accepted file once more."""
    path, room = raw / f"{number}.mp3", np.empty(most_samples(AUDIO), dtype=np.int16)
    decoded = decode(
        path,
        expected_sha1=file_sha1(path),
        listed_sha1="",
        settings=AUDIO,
        min_samples=CLIP.samples,
        out=room,
        decoder=decoder,
    )
    return len(decoded.samples), decoded.scale, digest(decoded.samples.data)


def main() -> int:
    """Fuzz; return 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=3000, help="damaged files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--decoder", choices=get_args(Decoder), default="soundfile")
    parser.add_argument("--corpus", type=Path, help="folder of real MP3s to damage, instead of synthesised ones")
    parser.add_argument("--only", type=int, metavar="FILE", help="try this file of the seed again")
    arguments = parser.parse_args()
    sources = real_sources(arguments.corpus) if arguments.corpus else synthetic_sources()
    with tempfile.TemporaryDirectory() as folder:
        report = fuzz(
            Path(folder),
            sources=sources,
            count=arguments.count,
            seed=arguments.seed,
            decoder=arguments.decoder,
            only=arguments.only,
        )
    log(f"seed {arguments.seed}, {len(sources)} sources, {arguments.decoder}")
    for line in report.lines():
        log(line)
    return int(bool(report.faults))


if __name__ == "__main__":
    sys.exit(main())
