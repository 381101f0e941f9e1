"""Decode the audio files into waveform shards; every track that is malformed or too short becomes a ledger row."""

import sys
import time

from fmagc.cache.build.waveforms import make_waves
from fmagc.corpus.index import read_index
from fmagc.params.run import Engine
from fmagc.params.signal import Audio, Clip
from fmagc.paths import LEDGER, RAW, WAVES
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.dask_pool import runner_of
from fmagc.runtime.entrypoint import log, run_stage


def main() -> None:
    """Run the stage decode."""
    audio, clip = Audio.load("audio"), Clip.load("clip")
    run_tasks = runner_of(Engine.load("engine"))
    started = time.monotonic()
    with ArtifactStore("decode") as store:
        done = make_waves(read_index(), raw=RAW, audio=audio, clip=clip, store=store, out=WAVES, run=run_tasks)
    speed = done["tracks_tried"] / (time.monotonic() - started)
    rejected = ", ".join(f"{count} {reason}" for reason, count in done["rejected"].items())
    log(f"{done['accepted']} of {done['requested']} tracks accepted, rejected: {rejected or 'none'}")
    log(f"{done['shards_made']} shards made ({speed:.0f} tracks/s), {done['shards_reused']} reused")
    log(f"what became of every track: {WAVES / LEDGER}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
