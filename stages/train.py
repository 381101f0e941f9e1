"""Train one model with one seed on one protocol."""

import argparse
import sys

from fmagc.cache.normalisation import read_normalisation
from fmagc.corpus.index import read_split
from fmagc.devices.device import prepare
from fmagc.runtime.entrypoint import run_stage
from fmagc.training.job import TrainingJob
from fmagc.training.results import write_training
from fmagc.training.run import run_training


def main() -> None:
    """Run the stage train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    parser.add_argument("seed", type=int)
    job = TrainingJob.load(**vars(parser.parse_args()))
    hardware = prepare(job.train.precision, threads=job.threads, seed=job.seed)
    trained = run_training(job, read_split(job.protocol), read_normalisation(job.protocol), hardware=hardware)
    if hardware.processes.is_rank_zero:
        best = write_training(job, trained)
        print(f"{job.model}: best epoch {trained.card['best_epoch']}, validation: {best}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
