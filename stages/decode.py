"""Decode the MP3s into waveform shards; every track that is malformed or too short becomes a ledger row."""

import sys

from fmagc.console import run
from fmagc.corpus.index import read_index
from fmagc.corpus.layout import RAW
from fmagc.params.signal import Audio, Clip
from fmagc.staging import Staging
from fmagc.store.cache import WAVES
from fmagc.store.waves import make_waves


def main() -> None:
    """Decode."""
    audio, clip = Audio.load("audio"), Clip.load("clip")
    with Staging("decode") as staging:
        done = make_waves(read_index(), raw=RAW, audio=audio, clip=clip, staging=staging, out=WAVES)
    print(f"{done['accepted']} of {done['requested']} tracks accepted, rejected: {done['rejected'] or 'none'}")
    print(f"{done['shards_made']} shards made, {done['shards_reused']} reused; ledger: {WAVES / 'ledger.csv'}")


if __name__ == "__main__":
    sys.exit(run(main))
