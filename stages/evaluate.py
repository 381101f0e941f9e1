"""Judge one model: the weights of all its seeds, on validation and test tracks, `evaluate.clips` clips a track."""

import argparse
import sys

import pandas as pd
from tqdm import tqdm

from fmagc.console import run
from fmagc.corpus.index import read_split
from fmagc.evaluation.inference import probabilities
from fmagc.evaluation.results import publish, table_of
from fmagc.params.evaluation import Evaluate
from fmagc.params.run import Run
from fmagc.store.windows import clip_table
from fmagc.training.clips import fixed_batches
from fmagc.training.hardware import prepare
from fmagc.training.weights import MODELS_FOLDER, load_trained, source_of


def main() -> None:
    """Evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    arguments = parser.parse_args()
    protocol, name = arguments.protocol, arguments.model
    settings, whole_run = Evaluate.load("evaluate"), Run.load("run")
    split = read_split(protocol)
    tables: list[pd.DataFrame] = []
    for seed in whole_run.seeds:
        folder = MODELS_FOLDER / protocol / name / str(seed)
        model, card = load_trained(folder, made_by=f"train@{protocol}-{name}-{seed}")
        hardware = prepare(card["precision"], threads=whole_run.threads, seed=seed)
        source = source_of(card)
        tracks = source.tracks(split[split["set"] != "train"], genres=card["genres"])
        clips = clip_table(tracks, clip_frames=source.clip_frames, n_clips=settings.clips)
        batches = fixed_batches(source, clips, batch_size=card["train"]["batch_size"])
        p = probabilities(model, tqdm(batches, unit="batch", desc=f"{name} seed {seed}"), hardware=hardware)
        tables.append(table_of(p, clips, genres=card["genres"], protocol=protocol, model=name, seed=seed))
    metrics = publish(pd.concat(tables, ignore_index=True), protocol=protocol, model=name, settings=settings)
    print(f"{name}: accuracy {metrics['accuracy']}, macro_f1 {metrics['macro_f1']}")


if __name__ == "__main__":
    sys.exit(run(main))
