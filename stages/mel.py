"""Take the log-mel spectrogram of every cached waveform."""

import sys
import time

from fmagc.console import run, say
from fmagc.params.signal import Mel
from fmagc.staging import Staging
from fmagc.store.cache import MELS, WAVES
from fmagc.store.manifest import read_manifest
from fmagc.store.mels import make_mels


def main() -> None:
    """Mel."""
    settings = Mel.load("mel")
    started = time.monotonic()
    with Staging("mel") as staging:
        done = make_mels(read_manifest(WAVES, made_by="decode"), settings, staging=staging, out=MELS)
    speed = done["tracks"] / (time.monotonic() - started)
    say(f"{done['shards_made']} shards made ({speed:.0f} tracks/s), {done['shards_reused']} reused")


if __name__ == "__main__":
    sys.exit(run(main))
