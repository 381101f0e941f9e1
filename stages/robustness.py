"""Transform test tracks and see which trained networks change their minds, and how encoders follow a shift."""

import argparse
import sys
from pathlib import Path

import pandas as pd

from fmagc.cache.reader import Cache
from fmagc.corpus.index import read_split
from fmagc.params.robustness import Robustness
from fmagc.params.run import Run
from fmagc.paths import ROBUSTNESS, WAVES
from fmagc.robustness.experiment import run_experiment
from fmagc.robustness.models_under_test import load_subjects
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_text


def main() -> None:
    """Robustness."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    protocol = parser.parse_args().protocol
    settings, whole_run = Robustness.load("robustness"), Run.load("run")
    split = read_split(protocol)
    waves = Cache(WAVES, "waves", columns=["scale"], stage="decode")
    predictions, encoders = run_experiment(
        load_subjects(protocol, whole_run),
        split[split["set"] == "test"],
        waves=waves,
        settings=settings,
        workers=whole_run.threads,
    )
    _write(predictions, ROBUSTNESS / protocol / "predictions.csv")
    _write(encoders, ROBUSTNESS / protocol / "encoders.csv")
    print(f"{predictions['tracks'].iloc[0]} test tracks; tables in {ROBUSTNESS / protocol}")


def _write(table: pd.DataFrame, path: Path) -> None:
    write_text(path, table.to_csv(index=False, lineterminator="\n"))


if __name__ == "__main__":
    sys.exit(run_stage(main))
