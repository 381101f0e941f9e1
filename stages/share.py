"""Train one model with every seed on a share of the training set, and predict the tracks that evaluate does."""

import argparse
import sys

from fmagc.cache.reader import Cache
from fmagc.cache.training_share import normalisation_of_share, read_split_with_share
from fmagc.corpus.index import read_genre_table
from fmagc.devices.device import prepare
from fmagc.evaluation.results import write_share_results
from fmagc.inference.predict_model import Trainings
from fmagc.params.corpus import Index
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.paths import MELS, WAVES
from fmagc.runtime.entrypoint import run_stage
from fmagc.training.job import TrainingJob
from fmagc.training.run import run_training


def main() -> None:
    """Run the stage share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("share", type=float)
    parser.add_argument("model")
    arguments = parser.parse_args()
    protocol, share, model = arguments.protocol, arguments.share, arguments.model
    whole_run, settings = Run.load("run"), Evaluate.load("evaluate")
    waves, mels = Cache(WAVES, "waves", stage="decode"), Cache(MELS, "mels", stage="mel")
    split = read_split_with_share(protocol, share, mels=mels, seed=Index.load("index").seed)
    normalisation = normalisation_of_share(split, waves=waves, mels=mels)
    for seed in whole_run.seeds:
        job = TrainingJob.load(protocol=protocol, model=model, seed=seed, share=share)
        hardware = prepare(job.train.precision, threads=job.threads, seed=job.seed)
        run_training(job, split, normalisation, hardware=hardware)
    trainings = Trainings(protocol, model, settings=settings, whole_run=whole_run, share=share)
    predicted = trainings.predict(split[split["set"] != "train"])
    if hardware.processes.is_rank_zero:
        scores = write_share_results(predicted, split, share=share, settings=settings, genres=read_genre_table())
        print(f"{model}, share {share}: {scores}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
