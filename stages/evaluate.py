"""Judge one model: the weights of all its seeds, on validation and test tracks.

What is published is the verdict of `evaluate.clips` clips a track, and a table of other numbers of clips beside it.
"""

import argparse
import sys

import pandas as pd

from fmagc.corpus.index import read_names, read_split
from fmagc.devices.device import prepare
from fmagc.evaluation.clips_per_track import COUNTS, count_table
from fmagc.evaluation.results import publish
from fmagc.inference.predict_tracks import open_loader, predict_tracks
from fmagc.models.pretrained import load_trained
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.paths import CLIP_COUNTS, training_folder
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_text


def main() -> None:
    """Evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    arguments = parser.parse_args()
    protocol, name = arguments.protocol, arguments.model
    settings, whole_run = Evaluate.load("evaluate"), Run.load("run")
    split = read_split(protocol)
    judged = split[split["set"] != "train"]
    trained = [
        load_trained(training_folder(protocol, name, seed), stage=f"train@{protocol}-{name}-{seed}")
        for seed in whole_run.seeds
    ]
    loader = open_loader(trained[0][1])  # the seeds of one model share their data and settings
    counts = sorted({*COUNTS, settings.clips})
    tables = []
    for model, card in trained:
        hardware = prepare(card["precision"], threads=whole_run.threads, seed=card["seed"])
        tables.append(
            predict_tracks(
                model,
                card,
                loader,
                judged,
                protocol=protocol,
                counts=counts,
                crop=settings.crop,
                hardware=hardware,
            )
        )
    if not hardware.processes.is_rank_zero:
        return
    by_count = {count: pd.concat([table[count] for table in tables], ignore_index=True) for count in counts}
    metrics = publish(by_count[settings.clips], protocol=protocol, model=name, settings=settings, names=read_names())
    write_text(CLIP_COUNTS / protocol / f"{name}.csv", count_table(by_count).to_csv(index=False))
    print(f"{name}: accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
