"""Run one frozen encoder over the cache: the mean vector of every track."""

import argparse
import sys
import time

from fmagc.cache.manifest import read_manifest
from fmagc.embeddings.build import make_embeddings
from fmagc.params.encoders import Encoder
from fmagc.params.run import Run
from fmagc.params.signal import Audio
from fmagc.paths import EMBEDDINGS, LEDGER, MELS, STAGING, WAVES
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.entrypoint import log, run_stage


def main() -> None:
    """Run the stage embed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("encoder")
    name = parser.parse_args().encoder
    settings = Encoder.load(f"encoders.{name}")
    started = time.monotonic()
    with ArtifactStore(name, root=STAGING / "embed") as store:
        done = make_embeddings(
            name,
            settings,
            waves=read_manifest(WAVES, stage="decode"),
            mels=read_manifest(MELS, stage="mel"),
            store=store,
            out=EMBEDDINGS / name,
            threads=Run.load("run").threads,
            max_reject_fraction=Audio.load("audio").max_reject_fraction,
        )
    speed = done["tracks_tried"] / (time.monotonic() - started)
    log(f"{done['shards_made']} shards made ({speed:.1f} tracks/s), {done['shards_reused']} reused")
    log(f"{done['accepted']} tracks have a vector, {done['rejected']} none: {EMBEDDINGS / name / LEDGER}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
