"""Take the log-mel spectrogram of every cached waveform."""

import sys
import time

from fmagc.cluster.runner import runner_of
from fmagc.console import run, say
from fmagc.params.engine import Engine
from fmagc.params.signal import Mel
from fmagc.staging import Staging
from fmagc.store.cache import MELS, WAVES
from fmagc.store.manifest import read_manifest
from fmagc.store.mels import make_mels


def main() -> None:
    """Mel."""
    settings, run_tasks = Mel.load("mel"), runner_of(Engine.load("engine"))
    started = time.monotonic()
    with Staging("mel") as staging:
        waves = read_manifest(WAVES, made_by="decode")
        done = make_mels(waves, settings, staging=staging, out=MELS, run=run_tasks)
    speed = done["tracks"] / (time.monotonic() - started)
    say(f"{done['shards_made']} shards made ({speed:.0f} tracks/s), {done['shards_reused']} reused")


if __name__ == "__main__":
    sys.exit(run(main))
