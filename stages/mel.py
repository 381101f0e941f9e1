"""Take the log-mel spectrogram of every cached waveform."""

import sys
import time

from fmagc.cache.build.mels import make_mels
from fmagc.cache.manifest import read_manifest
from fmagc.cache.reader import MELS, WAVES
from fmagc.params.engine import Engine
from fmagc.params.signal import Mel
from fmagc.runtime.artifact_store import Staging
from fmagc.runtime.dask_pool import runner_of
from fmagc.runtime.entrypoint import run, say


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
