"""Train one model with one seed on one protocol."""

import argparse
import sys
from contextlib import nullcontext

from fmagc.cache.normalisation import read_normalisation
from fmagc.corpus.index import read_split
from fmagc.devices.device import prepare
from fmagc.params.run import Run
from fmagc.params.signal import Clip, Mel
from fmagc.params.training import ModelSettings, Train
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.entrypoint import run_stage
from fmagc.training.data import TrainingData
from fmagc.training.job import TrainingJob
from fmagc.training.results import write_training
from fmagc.training.train import train_model


def main() -> None:
    """Run the stage train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    model = ModelSettings.load(f"models.{arguments.model}")
    job = TrainingJob(
        **vars(arguments),
        train=model.merged(Train.load("train")),
        architecture=model.architecture,
        clip=Clip.load("clip"),
        mel=Mel.load("mel"),
        threads=Run.load("run").threads,
    )
    hardware = prepare(job.train.precision, threads=job.threads, seed=job.seed)
    data = TrainingData(job, read_split(job.protocol), read_normalisation(job.protocol))
    store = ArtifactStore(f"train/{job.protocol}-{job.model}-{job.seed}")
    with store if hardware.processes.is_rank_zero else nullcontext():
        trained = train_model(job, data, store=store, hardware=hardware)
        if hardware.processes.is_rank_zero:
            best = write_training(job, trained, store=store)
            print(f"{job.model}: best epoch {trained.card['best_epoch']}, validation: {best}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
