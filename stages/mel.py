"""Take the log-mel spectrogram of every cached waveform."""

import sys
import time

from fmagc.cache.build.mels import make_mels
from fmagc.cache.manifest import read_manifest
from fmagc.params.run import Engine
from fmagc.params.signal import Mel
from fmagc.paths import MELS, WAVES
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.dask_pool import runner_of
from fmagc.runtime.entrypoint import log, run_stage


def main() -> None:
    """Run the stage mel."""
    settings, run_tasks = Mel.load("mel"), runner_of(Engine.load("engine"))
    started = time.monotonic()
    with ArtifactStore("mel") as store:
        waves = read_manifest(WAVES, stage="decode")
        done = make_mels(waves, settings, store=store, out=MELS, run=run_tasks)
    speed = done["tracks"] / (time.monotonic() - started)
    log(f"{done['shards_made']} shards made ({speed:.0f} tracks/s), {done['shards_reused']} reused")


if __name__ == "__main__":
    sys.exit(run_stage(main))
