"""Predict transformed test tracks with every trained network, and measure how encoders follow a shift."""

import argparse
import sys

from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.params.robustness import Robustness
from fmagc.params.run import Run
from fmagc.paths import ROBUSTNESS, WAVES
from fmagc.robustness.experiment import run_experiment
from fmagc.robustness.models_under_test import load_models
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.tables import write_csv


def main() -> None:
    """Run the stage robustness."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    protocol = parser.parse_args().protocol
    settings, whole_run = Robustness.load("robustness"), Run.load("run")
    split = read_split(protocol)
    waves = Cache(WAVES, "waves", columns=["scale"], stage="decode")
    results = run_experiment(
        load_models(protocol, whole_run),
        split[split["set"] == "test"],
        waves=waves,
        settings=settings,
        workers=whole_run.threads,
    )
    write_csv(ROBUSTNESS / protocol / "predictions.csv", results.predictions)
    write_csv(ROBUSTNESS / protocol / "encoders.csv", results.encoders)
    print(f"{results.n_tracks} test tracks; tables in {ROBUSTNESS / protocol}")
    if results.left_out:
        print(results.left_out)


if __name__ == "__main__":
    sys.exit(run_stage(main))
