"""Train one model with one seed on one protocol."""

import argparse
import sys
from contextlib import nullcontext

from fmagc.cache.normalisation import read_normalisation
from fmagc.corpus.index import read_split
from fmagc.devices.device import prepare
from fmagc.models.pretrained import publish_trained
from fmagc.params.run import Run
from fmagc.params.signal import Clip, Mel
from fmagc.params.training import Architecture, Train
from fmagc.paths import HISTORY, VALIDATION, training_folder
from fmagc.runtime.artifact_store import ArtifactStore
from fmagc.runtime.entrypoint import run_stage
from fmagc.runtime.files import write_json, write_text
from fmagc.training.train import train_model

VALIDATION_METRICS = {  # as evaluation names them: the columns of a history
    "accuracy": "accuracy",
    "macro_f1": "f1",
    "macro_precision": "precision",
    "macro_recall": "recall",
    "log_loss": "loss",
}


def main() -> None:
    """Train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("protocol")
    parser.add_argument("model")
    parser.add_argument("seed", type=int)
    arguments = parser.parse_args()
    protocol, name, seed = arguments.protocol, arguments.model, arguments.seed
    folder = training_folder(protocol, name, seed)
    settings, threads = Train.load("train"), Run.load("run").threads
    hardware = prepare(settings.precision, threads=threads, seed=seed)
    writes = hardware.processes.is_rank_zero
    store = ArtifactStore(f"train/{protocol}-{name}-{seed}")
    with store if writes else nullcontext():
        weights, card, history = train_model(
            name,
            read_split(protocol),
            read_normalisation(protocol),
            seed=seed,
            settings=settings,
            own=Architecture.load(f"models.{name}"),
            clip=Clip.load("clip"),
            mel=Mel.load("mel"),
            threads=threads,
            hardware=hardware,
            store=store,
            out=folder,
        )
        if not writes:
            return
        publish_trained(folder, weights, card, store=store)
        named = history.assign(protocol=protocol, model=name, seed=seed)
        ordered = named[["protocol", "model", "seed", *history.columns]]
        write_text(HISTORY / protocol / name / f"{seed}.csv", ordered.to_csv(index=False, float_format="%.6g"))
        best = {metric: round(card["validation"][column], 6) for metric, column in VALIDATION_METRICS.items()}
        write_json(VALIDATION / protocol / name / f"{seed}.json", best)
    print(f"{name}: best epoch {card['best_epoch']}, validation: {best}")


if __name__ == "__main__":
    sys.exit(run_stage(main))
